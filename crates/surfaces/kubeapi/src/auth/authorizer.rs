//! RBAC behind the engine's `Authorizer`: the index is filled from the store at the first
//! question and follows each write of a role or binding.

use crate::auth::attributes::Attributes;
use crate::auth::rbac::{RbacIndex, Requester};
use crate::auth::rule::{RBAC_GROUP, Rule};
use crate::{Authorizer, Decision, Reader, RequestInfo, UserInfo};
use argosy_object::{Value, json};
use std::sync::{RwLock, RwLockReadGuard};

/// The RBAC authorizer of one cluster.
#[derive(Debug, Default)]
pub struct RbacAuthorizer {
    index: RwLock<Option<RbacIndex>>,
}

const RESOURCES: [(&str, &str); 4] = [
    ("clusterroles", "ClusterRole"),
    ("clusterrolebindings", "ClusterRoleBinding"),
    ("roles", "Role"),
    ("rolebindings", "RoleBinding"),
];

impl RbacAuthorizer {
    /// An authorizer that has read nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the index, read from the store where it is not yet.
    fn with<T>(&self, store: &dyn Reader, ask: impl Fn(&RbacIndex) -> T) -> T {
        if let Some(index) = self.read().as_ref() {
            return ask(index);
        }
        let mut slot = self
            .index
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let index = slot.get_or_insert_with(|| {
            let mut index = RbacIndex::default();
            for (resource, kind) in RESOURCES {
                for mut object in store.list(RBAC_GROUP, resource, None) {
                    object["kind"] = kind.into();
                    index.apply(&object);
                }
            }
            index
        });
        ask(index)
    }

    fn read(&self) -> RwLockReadGuard<'_, Option<RbacIndex>> {
        self.index
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Authorizer for RbacAuthorizer {
    fn authorize(&self, store: &dyn Reader, info: &RequestInfo) -> Decision {
        let requester = Requester {
            user: &info.user.username,
            groups: &info.user.groups,
        };
        if requester
            .groups
            .iter()
            .any(|g| g == crate::auth::rbac::MASTERS)
        {
            return Decision::Allow;
        }
        let request = Attributes::of(info);
        let decision = self.with(store, |index| index.check(requester, &request));
        if decision.allowed {
            Decision::Allow
        } else {
            Decision::Deny(decision.reason)
        }
    }

    fn rules(
        &self,
        store: &dyn Reader,
        user: &UserInfo,
        namespace: &str,
    ) -> (Vec<Value>, Vec<Value>) {
        let requester = Requester {
            user: &user.username,
            groups: &user.groups,
        };
        let (mut rules, _) = self.with(store, |index| index.rules_for(requester, namespace));
        if user.in_group(crate::auth::rbac::MASTERS) {
            rules.insert(0, everything(true));
            rules.insert(1, everything(false));
        }
        let (paths, resources): (Vec<Rule>, Vec<Rule>) = rules
            .into_iter()
            .partition(|rule| !rule.non_resource_urls.is_empty());
        (
            resources.iter().map(Rule::to_value).collect(),
            paths
                .iter()
                .map(|r| json!({"verbs": r.verbs, "nonResourceURLs": r.non_resource_urls}))
                .collect(),
        )
    }

    fn reason(&self, store: &dyn Reader, info: &RequestInfo) -> String {
        let requester = Requester {
            user: &info.user.username,
            groups: &info.user.groups,
        };
        self.with(store, |index| {
            index.check(requester, &Attributes::of(info)).reason
        })
    }

    fn changed(&self, store: &dyn Reader, resource: &str, namespace: &str, name: &str) {
        let Some((_, kind)) = RESOURCES.iter().find(|(r, _)| *r == resource) else {
            return;
        };
        let mut slot = self
            .index
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some(index) = slot.as_mut() else { return };
        // Read under the lock: whichever of two writers comes last sees the newer object.
        match store.get(RBAC_GROUP, resource, namespace, name) {
            Some(mut object) => {
                object["kind"] = (*kind).into();
                index.apply(&object);
            }
            None => index.delete(kind, namespace, name),
        }
    }
}

fn everything(resources: bool) -> Rule {
    let all = || vec!["*".to_owned()];
    if resources {
        Rule {
            api_groups: all(),
            resources: all(),
            verbs: all(),
            ..Rule::default()
        }
    } else {
        Rule {
            non_resource_urls: all(),
            verbs: all(),
            ..Rule::default()
        }
    }
}

impl<'a> Attributes<'a> {
    /// The attributes of a request.
    pub fn of(info: &'a RequestInfo) -> Self {
        Self {
            verb: &info.verb,
            group: &info.api_group,
            resource: &info.resource,
            subresource: &info.subresource,
            namespace: &info.namespace,
            name: &info.name,
            path: (!info.is_resource).then_some(info.path.as_str()),
        }
    }
}
