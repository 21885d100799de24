//! Who may do what, asked of a whole API: roles, escalation, tokens, reviews.

use argosy_kubeapi::auth::authn::{Credentials, StaticTokens};
use argosy_kubeapi::auth::authorizer::RbacAuthorizer;
use argosy_kubeapi::auth::tokens::TokenKey;
use argosy_kubeapi::hooks::{self, Deps};
use argosy_kubeapi::{
    ApiServer, ClusterFacts, FromSocket, HistoryLimits, MemoryStorage, Shared, UserInfo,
};
use argosy_object::{Redacted, Value, json};
use argosy_ports::{SystemTime, full_body};
use argosy_schema::Schemas;
use http::Request;
use http_body_util::BodyExt as _;
use std::sync::Arc;

const ADMIN: &str = "admin-token";
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

async fn api() -> ApiServer {
    let key = Arc::new(TokenKey::in_memory());
    let mut tokens = StaticTokens::default();
    tokens.insert(&Redacted::new(ADMIN.into()), UserInfo::system_admin());
    let tokens = Arc::new(tokens);
    let deps = Deps {
        key: key.clone(),
        tokens: tokens.clone(),
    };
    let shared = Shared::new(Schemas::builtin(), hooks::all(&deps));
    let facts = ClusterFacts::default();
    let clock = Arc::new(jiff::Timestamp::now);
    let credentials = Credentials::new(key, tokens, &facts.issuer, clock);
    let storage = Arc::new(MemoryStorage::new(HistoryLimits::SMALL));
    ApiServer::new(storage, &shared, Arc::new(SystemTime))
        .facts(facts)
        .authorizer(Arc::new(RbacAuthorizer::new()))
        .authenticator(Arc::new(credentials))
        .start()
        .await
        .expect("the API starts")
}

/// Asks with a bearer token, or as a named user.
async fn ask(api: &ApiServer, who: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json")
        .body(full_body(body))
        .unwrap();
    match who.strip_prefix("user:") {
        Some(name) => {
            let groups = vec!["system:authenticated".to_owned()];
            let user = UserInfo {
                username: name.into(),
                groups,
                ..UserInfo::default()
            };
            request.extensions_mut().insert(user);
        }
        None => {
            request.extensions_mut().insert(FromSocket);
            if !who.is_empty() {
                let value = format!("Bearer {who}").parse().unwrap();
                request.headers_mut().insert("authorization", value);
            }
        }
    }
    let answer = api.handle(request).await;
    let code = answer.status().as_u16();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    (code, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

fn role(verb: &str) -> Value {
    json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": format!("r-{verb}"), "namespace": "default"},
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": [verb]}]})
}

fn binding(name: &str, role: &str, user: &str) -> Value {
    json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": "default"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}]})
}

#[tokio::test]
async fn strangers_are_refused_in_upstream_words() {
    let api = api().await;
    let pods = "/api/v1/namespaces/default/pods";
    let (code, status) = ask(&api, "", "GET", pods, Value::Null).await;
    assert_eq!(code, 403);
    assert_eq!(
        status["message"],
        "pods is forbidden: User \"system:anonymous\" cannot list resource \"pods\" in API group \
         \"\" in the namespace \"default\""
    );
    assert_eq!(ask(&api, "wrong", "GET", pods, Value::Null).await.0, 401);
    assert_eq!(ask(&api, ADMIN, "GET", pods, Value::Null).await.0, 200);
    assert_eq!(ask(&api, "", "GET", "/version", Value::Null).await.0, 200);
}

#[tokio::test]
async fn nobody_gives_away_what_he_does_not_hold() {
    let api = api().await;
    let bindings = format!("{RBAC}/namespaces/default/rolebindings");
    let roles = format!("{RBAC}/namespaces/default/roles");
    assert_eq!(
        ask(&api, ADMIN, "POST", &bindings, binding("b", "admin", "eve"))
            .await
            .0,
        201
    );
    // `admin` may read secrets of its namespace, and so may say so; impersonation it has not.
    assert_eq!(
        ask(&api, "user:eve", "POST", &roles, role("get")).await.0,
        201
    );
    let (code, status) = ask(&api, "user:eve", "POST", &roles, role("impersonate")).await;
    assert_eq!(code, 403);
    assert_eq!(
        status["message"],
        "roles.rbac.authorization.k8s.io \"r-impersonate\" is forbidden: user \"eve\" \
         (groups=[\"system:authenticated\"]) is attempting to grant RBAC permissions not currently \
         held:\n{APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"impersonate\"]}"
    );
    let (code, _) = ask(
        &api,
        "user:eve",
        "POST",
        &bindings,
        binding("c", "cluster-admin", "eve"),
    )
    .await;
    assert_eq!(code, 403);
    let path = format!("{bindings}/b");
    assert_eq!(ask(&api, ADMIN, "DELETE", &path, Value::Null).await.0, 200);
    assert_eq!(
        ask(&api, "user:eve", "POST", &roles, role("list")).await.0,
        403
    );
}

#[tokio::test]
async fn account_token_speaks_for_its_account() {
    let api = api().await;
    let path = "/api/v1/namespaces/default/serviceaccounts/default/token";
    let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
        "spec": {"expirationSeconds": 600}});
    let (code, answer) = ask(&api, ADMIN, "POST", path, body).await;
    assert_eq!(code, 201, "{answer}");
    let token = answer["status"]["token"].as_str().unwrap().to_owned();
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let whoami = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let (code, answer) = ask(&api, &token, "POST", whoami, review).await;
    assert_eq!(code, 201, "{answer}");
    assert_eq!(
        answer["status"]["userInfo"]["username"],
        "system:serviceaccount:default:default"
    );
    let asked = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": "list", "resource": "pods",
            "namespace": "default"}}});
    let may = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let (_, answer) = ask(&api, &token, "POST", may, asked.clone()).await;
    assert_eq!(answer["status"]["allowed"], false);
    let grant = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "v"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}]});
    let (code, _) = ask(
        &api,
        ADMIN,
        "POST",
        &format!("{RBAC}/clusterrolebindings"),
        grant,
    )
    .await;
    assert_eq!(code, 201);
    let (_, answer) = ask(&api, &token, "POST", may, asked).await;
    assert_eq!(
        answer["status"],
        json!({"allowed": true, "reason": "RBAC: allowed by ClusterRoleBinding \"v\" of \
            ClusterRole \"view\" to ServiceAccount \"default/default\""})
    );
}
