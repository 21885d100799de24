//! The roles and bindings that every cluster starts with.

use crate::auth::rbac::RbacIndex;
use crate::auth::rule::Rule;
use argosy_object::Value;
use std::sync::OnceLock;

/// Cluster roles, cluster role bindings and the few namespaced ones of a fresh cluster, with
/// aggregated roles filled in. In the order in which they may be created; `uid` and timestamps are
/// the caller's.
///
/// Compat: `plugin/pkg/auth/authorizer/rbac/bootstrappolicy` of v1.36, less the roles of the
/// single controllers.
pub fn objects() -> Vec<Value> {
    static OBJECTS: OnceLock<Vec<Value>> = OnceLock::new();
    OBJECTS.get_or_init(load).clone()
}

fn load() -> Vec<Value> {
    let mut objects: Vec<Value> = argosy_object::Value::as_array(
        &serde_json::from_str(include_str!("bootstrap.json")).expect("the table is checked in"),
    )
    .cloned()
    .unwrap_or_default();
    let mut index = RbacIndex::default();
    for object in &objects {
        index.apply(object);
    }
    // `edit` feeds `admin` and `view` feeds `edit`: two rounds settle it, more cannot be needed.
    for _ in 0..4 {
        let stale = index.stale_aggregates();
        if stale.is_empty() {
            break;
        }
        for (name, rules) in stale {
            let role = objects
                .iter_mut()
                .find(|o| o["kind"] == "ClusterRole" && o["metadata"]["name"] == name.as_str());
            if let Some(role) = role {
                role["rules"] = rules.iter().map(Rule::to_value).collect();
                index.apply(role);
            }
        }
    }
    objects
}
