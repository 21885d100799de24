//! Rules, bindings and aggregation: what a subject may do.

use super::*;
use crate::auth::bootstrap;
use argosy_object::json;

fn index() -> RbacIndex {
    let mut index = RbacIndex::default();
    for object in bootstrap::objects() {
        index.apply(&object);
    }
    index
}

fn binding(namespace: Option<&str>, role: &Value, subject: &Value) -> Value {
    let kind = if namespace.is_some() {
        "RoleBinding"
    } else {
        "ClusterRoleBinding"
    };
    json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind,
        "metadata": {"name": "b", "namespace": namespace},
        "roleRef": role, "subjects": [subject]})
}

fn list<'a>(resource: &'a str, namespace: &'a str) -> Attributes<'a> {
    Attributes {
        verb: "list",
        resource,
        namespace,
        ..Attributes::default()
    }
}

const EVE: Requester<'static> = Requester {
    user: "eve",
    groups: &[],
};

#[test]
fn role_binding_grants_in_its_namespace_only() {
    let mut index = index();
    assert!(!index.check(EVE, &list("pods", "shop")).allowed);
    index.apply(&binding(
        Some("shop"),
        &json!({"kind": "ClusterRole", "name": "view"}),
        &json!({"kind": "User", "name": "eve"}),
    ));
    let decision = index.check(EVE, &list("pods", "shop"));
    assert_eq!(
        decision.reason,
        "RBAC: allowed by RoleBinding \"b/shop\" of ClusterRole \"view\" to User \"eve\""
    );
    assert!(!index.check(EVE, &list("pods", "other")).allowed);
    assert!(!index.check(EVE, &list("pods", "")).allowed);
    assert!(!index.check(EVE, &list("secrets", "shop")).allowed);
    index.delete("RoleBinding", "shop", "b");
    assert!(!index.check(EVE, &list("pods", "shop")).allowed);
}

#[test]
fn service_account_subject_is_a_user_with_its_own_words() {
    let mut index = index();
    index.apply(&binding(
        None,
        &json!({"kind": "ClusterRole", "name": "cluster-admin"}),
        &json!({"kind": "ServiceAccount", "name": "bot", "namespace": "ci"}),
    ));
    let bot = Requester {
        user: "system:serviceaccount:ci:bot",
        groups: &[],
    };
    let decision = index.check(bot, &list("secrets", "kube-system"));
    assert_eq!(
        decision.reason,
        "RBAC: allowed by ClusterRoleBinding \"b\" of ClusterRole \"cluster-admin\" to \
         ServiceAccount \"bot/ci\""
    );
}

#[test]
fn missing_role_is_named_in_the_reason() {
    let mut index = index();
    index.apply(&binding(
        None,
        &json!({"kind": "ClusterRole", "name": "gone"}),
        &json!({"kind": "User", "name": "eve"}),
    ));
    assert_eq!(
        index.check(EVE, &list("pods", "x")).reason,
        "RBAC: clusterrole.rbac.authorization.k8s.io \"gone\" not found"
    );
}

#[test]
fn bootstrap_roles_are_aggregated_and_steady() {
    let index = index();
    assert!(index.stale_aggregates().is_empty());
    let admin = index.role_rules("ClusterRole", "admin", "").unwrap();
    let create_deployment = Attributes {
        verb: "create",
        group: "apps",
        resource: "deployments",
        namespace: "x",
        ..Attributes::default()
    };
    assert!(admin.iter().any(|rule| rule.allows(&create_deployment)));
}

#[test]
fn aggregation_follows_a_new_labelled_role() {
    let mut index = index();
    index.apply(
        &json!({"kind": "ClusterRole", "metadata": {"name": "crd-view",
        "labels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}},
        "rules": [{"apiGroups": ["x.io"], "resources": ["things"], "verbs": ["get"]}]}),
    );
    let stale: Vec<String> = index
        .stale_aggregates()
        .into_iter()
        .map(|(n, _)| n)
        .collect();
    assert_eq!(stale, ["view"]);
}

#[test]
fn everybody_may_discover_and_review_themselves() {
    let index = index();
    let groups = ["system:authenticated".to_owned()];
    let user = Requester {
        user: "eve",
        groups: &groups,
    };
    let path = |p| Attributes {
        verb: "get",
        path: Some(p),
        ..Attributes::default()
    };
    assert!(index.check(user, &path("/openapi/v2")).allowed);
    assert!(!index.check(user, &path("/metrics")).allowed);
    let review = Attributes {
        verb: "create",
        group: "authorization.k8s.io",
        resource: "selfsubjectaccessreviews",
        ..Attributes::default()
    };
    assert!(index.check(user, &review).allowed);
    let anonymous = ["system:unauthenticated".to_owned()];
    let nobody = Requester {
        user: "system:anonymous",
        groups: &anonymous,
    };
    assert!(index.check(nobody, &path("/version")).allowed);
    assert!(!index.check(nobody, &path("/api")).allowed);
}
