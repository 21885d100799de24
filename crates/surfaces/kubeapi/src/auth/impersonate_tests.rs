//! Who may play whom.

use super::*;
use crate::auth::authorizer::RbacAuthorizer;
use crate::auth::fake_store::FakeStore;
use argosy_object::json;

fn store() -> FakeStore {
    let mut store = FakeStore::default();
    store.put(
        "rbac.authorization.k8s.io",
        "clusterroles",
        json!({"metadata": {"name": "play"}, "rules": [{"apiGroups": [""],
            "resources": ["users"], "resourceNames": ["eve"], "verbs": ["impersonate"]}]}),
    );
    store.put(
        "rbac.authorization.k8s.io",
        "clusterrolebindings",
        json!({"metadata": {"name": "play"}, "roleRef": {"kind": "ClusterRole", "name": "play"},
            "subjects": [{"kind": "User", "name": "bob"}]}),
    );
    store
}

fn go(user: UserInfo, headers: &[(&'static str, &str)]) -> Result<UserInfo, ApiError> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, value.parse().unwrap());
    }
    effective_user(&map, &user, &RbacAuthorizer::new(), &store())
}

fn bob() -> UserInfo {
    UserInfo {
        username: "bob".into(),
        ..UserInfo::default()
    }
}

#[test]
fn allowed_user_is_played_with_authenticated_group() {
    let eve = go(bob(), &[("impersonate-user", "eve")]).unwrap();
    assert_eq!(
        (eve.username.as_str(), eve.groups),
        ("eve", vec!["system:authenticated".into()])
    );
    assert_eq!(go(bob(), &[]).unwrap(), bob());
}

#[test]
fn group_needs_its_own_right() {
    let headers = [
        ("impersonate-user", "eve"),
        ("impersonate-group", "system:masters"),
    ];
    let error = go(bob(), &headers).unwrap_err();
    assert_eq!(
        error.message,
        "groups \"system:masters\" is forbidden: User \"bob\" cannot impersonate resource \
         \"groups\" in API group \"\" at the cluster scope"
    );
    assert!(
        go(UserInfo::system_admin(), &headers)
            .unwrap()
            .in_group("system:masters")
    );
}

#[test]
fn service_account_is_checked_in_its_namespace_and_gets_its_groups() {
    let headers = [("impersonate-user", "system:serviceaccount:shop:bot")];
    let error = go(bob(), &headers).unwrap_err();
    assert!(
        error.message.contains("resource \"serviceaccounts\""),
        "{}",
        error.message
    );
    assert!(
        error.message.ends_with("in the namespace \"shop\""),
        "{}",
        error.message
    );
    let bot = go(UserInfo::system_admin(), &headers).unwrap();
    assert!(bot.in_group("system:serviceaccounts:shop") && bot.in_group("system:authenticated"));
}

#[test]
fn extras_are_unescaped_and_need_a_user() {
    let extra = ("impersonate-extra-acme.com%2fproject", "x");
    assert_eq!(
        go(UserInfo::system_admin(), &[extra]).unwrap_err().code,
        400
    );
    let eve = go(
        UserInfo::system_admin(),
        &[("impersonate-user", "eve"), extra],
    )
    .unwrap();
    assert_eq!(eve.extra["acme.com/project"], ["x"]);
}
