//! The RBAC authorizer: an index of roles and bindings that answers a check in a few look-ups.

use crate::auth::attributes::Attributes;
use crate::auth::rule::{RBAC_GROUP, Rule, go_quote};
use crate::hooks::label_selector;
use argosy_object::Value;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// The group that may do everything, whatever the bindings say.
pub const MASTERS: &str = "system:masters";

/// Who asks, as far as RBAC cares.
#[derive(Clone, Copy, Debug)]
pub struct Requester<'a> {
    /// User name.
    pub user: &'a str,
    /// Groups.
    pub groups: &'a [String],
}

/// The answer to a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether the request may go on.
    pub allowed: bool,
    /// Why, in upstream's words; empty where there is nothing to say.
    pub reason: String,
}

/// Roles and bindings of one cluster; `apply`, `delete` and `reset` keep it up to date.
#[derive(Debug, Default)]
pub struct RbacIndex {
    cluster_roles: HashMap<String, Arc<Role>>,
    roles: HashMap<(String, String), Arc<Role>>,
    bindings: HashMap<(String, String), Arc<Binding>>,
    by_subject: HashMap<Subject, BTreeSet<(String, String)>>,
}

#[derive(Debug)]
struct Role {
    rules: Vec<Rule>,
    labels: Value,
    selectors: Option<Vec<Value>>,
}

#[derive(Debug)]
struct Binding {
    cluster_role: bool,
    role: String,
    subjects: Vec<(Subject, String)>,
}

/// A subject in the scope of a namespace; the empty namespace is the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Subject {
    namespace: String,
    group: bool,
    name: String,
}

impl RbacIndex {
    /// Whether `(group, kind)` is one of the four kinds the index holds.
    pub fn wants(group: &str, kind: &str) -> bool {
        group == RBAC_GROUP
            && matches!(
                kind,
                "Role" | "ClusterRole" | "RoleBinding" | "ClusterRoleBinding"
            )
    }

    /// Takes in a role or binding, new or changed; other kinds are ignored.
    pub fn apply(&mut self, object: &Value) {
        let (namespace, name) = place(object);
        match text(object, "kind") {
            "ClusterRole" => {
                self.cluster_roles
                    .insert(name, Arc::new(Role::read(object)));
            }
            "Role" => {
                self.roles
                    .insert((namespace, name), Arc::new(Role::read(object)));
            }
            "ClusterRoleBinding" => self.bind(String::new(), name, object),
            "RoleBinding" if !namespace.is_empty() => self.bind(namespace, name, object),
            _ => {}
        }
    }

    /// Forgets a role or binding.
    pub fn delete(&mut self, kind: &str, namespace: &str, name: &str) {
        match kind {
            "ClusterRole" => {
                self.cluster_roles.remove(name);
            }
            "Role" => {
                self.roles.remove(&(namespace.to_owned(), name.to_owned()));
            }
            "ClusterRoleBinding" => self.unbind(&(String::new(), name.to_owned())),
            "RoleBinding" => self.unbind(&(namespace.to_owned(), name.to_owned())),
            _ => {}
        }
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    fn bind(&mut self, namespace: String, name: String, object: &Value) {
        let key = (namespace, name);
        self.unbind(&key);
        let binding = Binding::read(object, &key.0);
        for (subject, _) in &binding.subjects {
            self.by_subject
                .entry(subject.clone())
                .or_default()
                .insert(key.clone());
        }
        self.bindings.insert(key, Arc::new(binding));
    }

    fn unbind(&mut self, key: &(String, String)) {
        let Some(binding) = self.bindings.remove(key) else {
            return;
        };
        for (subject, _) in &binding.subjects {
            if let Some(keys) = self.by_subject.get_mut(subject) {
                keys.remove(key);
                if keys.is_empty() {
                    self.by_subject.remove(subject);
                }
            }
        }
    }

    /// Decides a request: cluster bindings first, then those of its namespace.
    pub fn check(&self, requester: Requester<'_>, request: &Attributes<'_>) -> Decision {
        if requester.groups.iter().any(|g| g == MASTERS) {
            return Decision {
                allowed: true,
                reason: String::new(),
            };
        }
        let namespace = if request.path.is_some() {
            ""
        } else {
            request.namespace
        };
        let mut missing = Vec::new();
        for (key, subject) in self.bindings_of(requester, namespace) {
            let Some(binding) = self.bindings.get(key) else {
                continue;
            };
            match self.role_of(binding, &key.0) {
                Some(role) if role.rules.iter().any(|rule| rule.allows(request)) => {
                    return Decision {
                        allowed: true,
                        reason: allowed_by(key, binding, &subject),
                    };
                }
                Some(_) => {}
                None => missing.push(not_found(binding)),
            }
        }
        let reason = match missing.len() {
            0 => String::new(),
            1 => format!("RBAC: {}", missing[0]),
            _ => {
                missing.dedup();
                let joined = missing.join(", ");
                if missing.len() == 1 {
                    format!("RBAC: {joined}")
                } else {
                    format!("RBAC: [{joined}]")
                }
            }
        };
        Decision {
            allowed: false,
            reason,
        }
    }

    /// Every rule that a requester has in a namespace (the empty one: at the cluster scope), with
    /// the sentences about roles that are missing.
    pub fn rules_for(&self, requester: Requester<'_>, namespace: &str) -> (Vec<Rule>, Vec<String>) {
        let mut rules = Vec::new();
        let mut missing = Vec::new();
        for (key, _) in self.bindings_of(requester, namespace) {
            let Some(binding) = self.bindings.get(key) else {
                continue;
            };
            match self.role_of(binding, &key.0) {
                Some(role) => rules.extend(role.rules.iter().cloned()),
                None => missing.push(not_found(binding)),
            }
        }
        (rules, missing)
    }

    /// The rules of a role that a binding in `namespace` refers to.
    pub fn role_rules(&self, kind: &str, name: &str, namespace: &str) -> Option<Vec<Rule>> {
        let role = match kind {
            "ClusterRole" => self.cluster_roles.get(name),
            _ => self.roles.get(&(namespace.to_owned(), name.to_owned())),
        };
        role.map(|role| role.rules.clone())
    }

    /// The aggregated rules of a ClusterRole with an `aggregationRule`, as its controller would
    /// write them; `None` where the role has none. Roles are taken in the order of their names,
    /// equal rules once.
    pub fn aggregate(&self, name: &str) -> Option<Vec<Rule>> {
        let own = self.cluster_roles.get(name)?;
        let selectors = own.selectors.as_ref()?;
        let mut rules: Vec<Rule> = Vec::new();
        for selector in selectors {
            let mut chosen: Vec<(&String, &Arc<Role>)> = self
                .cluster_roles
                .iter()
                .filter(|(n, role)| *n != name && label_selector::matches(selector, &role.labels))
                .collect();
            chosen.sort_by_key(|(name, _)| *name);
            for rule in chosen.iter().flat_map(|(_, role)| &role.rules) {
                if !rules.contains(rule) {
                    rules.push(rule.clone());
                }
            }
        }
        Some(rules)
    }

    /// The names of all ClusterRoles with an `aggregationRule`, sorted.
    pub fn aggregated_roles(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .cluster_roles
            .iter()
            .filter(|(_, role)| role.selectors.is_some())
            .map(|(name, _)| name.clone())
            .collect();
        names.sort();
        names
    }

    /// Aggregated roles whose rules are not what their parts say, each with what they should be.
    /// Roles may feed one another, so the caller writes and asks again until none is left.
    pub fn stale_aggregates(&self) -> Vec<(String, Vec<Rule>)> {
        self.aggregated_roles()
            .into_iter()
            .filter_map(|name| {
                let rules = self.aggregate(&name)?;
                (self.cluster_roles[&name].rules != rules).then_some((name, rules))
            })
            .collect()
    }

    fn role_of(&self, binding: &Binding, namespace: &str) -> Option<&Arc<Role>> {
        if binding.cluster_role {
            self.cluster_roles.get(&binding.role)
        } else {
            self.roles
                .get(&(namespace.to_owned(), binding.role.clone()))
        }
    }

    fn bindings_of(
        &self,
        requester: Requester<'_>,
        namespace: &str,
    ) -> Vec<(&(String, String), Subject)> {
        let mut found = Vec::new();
        let scopes: &[&str] = if namespace.is_empty() {
            &[""]
        } else {
            &["", namespace]
        };
        for scope in scopes {
            let user = (false, requester.user);
            let groups = requester.groups.iter().map(|g| (true, g.as_str()));
            for (group, name) in std::iter::once(user).chain(groups) {
                let subject = Subject {
                    namespace: (*scope).to_owned(),
                    group,
                    name: name.to_owned(),
                };
                if let Some(keys) = self.by_subject.get(&subject) {
                    found.extend(keys.iter().map(|key| (key, subject.clone())));
                }
            }
        }
        found
    }
}

impl Role {
    fn read(object: &Value) -> Self {
        let selectors = object
            .pointer("/aggregationRule/clusterRoleSelectors")
            .and_then(Value::as_array)
            .cloned();
        Self {
            rules: Rule::list(object),
            labels: object
                .pointer("/metadata/labels")
                .cloned()
                .unwrap_or(Value::Null),
            selectors,
        }
    }
}

impl Binding {
    fn read(object: &Value, namespace: &str) -> Self {
        let role = object.get("roleRef").unwrap_or(&Value::Null);
        let subjects = object.get("subjects").and_then(Value::as_array);
        Self {
            cluster_role: text(role, "kind") == "ClusterRole",
            role: text(role, "name").to_owned(),
            subjects: subjects
                .into_iter()
                .flatten()
                .filter_map(|subject| Subject::read(subject, namespace))
                .collect(),
        }
    }
}

impl Subject {
    /// The subject and how messages describe it.
    fn read(value: &Value, scope: &str) -> Option<(Self, String)> {
        let name = text(value, "name");
        let (group, name, said) = match text(value, "kind") {
            "User" => (false, name.to_owned(), format!("User {}", go_quote(name))),
            "Group" => (true, name.to_owned(), format!("Group {}", go_quote(name))),
            "ServiceAccount" => {
                let of = Some(text(value, "namespace"))
                    .filter(|n| !n.is_empty())
                    .unwrap_or(scope);
                if of.is_empty() {
                    return None;
                }
                let said = format!("ServiceAccount {}", go_quote(&format!("{name}/{of}")));
                (false, format!("system:serviceaccount:{of}:{name}"), said)
            }
            _ => return None,
        };
        Some((
            Self {
                namespace: scope.to_owned(),
                group,
                name,
            },
            said,
        ))
    }
}

fn allowed_by(key: &(String, String), binding: &Binding, subject: &Subject) -> String {
    let (kind, name) = if key.0.is_empty() {
        ("ClusterRoleBinding", key.1.clone())
    } else {
        ("RoleBinding", format!("{}/{}", key.1, key.0))
    };
    let role = if binding.cluster_role {
        "ClusterRole"
    } else {
        "Role"
    };
    let said = binding
        .subjects
        .iter()
        .find(|(s, _)| s == subject)
        .map_or("", |(_, said)| said);
    format!(
        "RBAC: allowed by {kind} {} of {role} {} to {said}",
        go_quote(&name),
        go_quote(&binding.role)
    )
}

fn not_found(binding: &Binding) -> String {
    let resource = if binding.cluster_role {
        "clusterrole"
    } else {
        "role"
    };
    format!(
        "{resource}.{RBAC_GROUP} {} not found",
        go_quote(&binding.role)
    )
}

fn place(object: &Value) -> (String, String) {
    let meta = object.get("metadata").unwrap_or(&Value::Null);
    (
        text(meta, "namespace").to_owned(),
        text(meta, "name").to_owned(),
    )
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value.get(field).and_then(Value::as_str).unwrap_or("")
}

#[cfg(test)]
#[path = "rbac_tests.rs"]
mod tests;
