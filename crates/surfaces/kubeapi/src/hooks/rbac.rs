//! Roles and bindings: no one gives away rights he does not hold, and aggregated roles follow
//! their parts.
//!
//! Compat: `pkg/registry/rbac/*/policybased`, `pkg/apis/rbac/validation`, the cluster role
//! aggregation controller.

use crate::auth::rbac::{MASTERS, RbacIndex};
use crate::auth::rule::{RBAC_GROUP, Rule, compact_rules, go_list, go_quote, uncovered};
use crate::hooks::fields::{at, default_text, list, list_mut, same, text};
use crate::hooks::names;
use crate::{ApiError, Decision, Effect, FieldError, HookCx, KindHook, RequestInfo};
use argosy_object::{Value, json, meta};
use std::collections::BTreeSet;
use std::sync::Arc;

/// `rbac.authorization.k8s.io/v1` Role and ClusterRole.
#[derive(Clone, Copy, Debug)]
pub struct Role {
    /// Whether it is the cluster's.
    pub cluster: bool,
}

/// `rbac.authorization.k8s.io/v1` RoleBinding and ClusterRoleBinding.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// Whether it is the cluster's.
    pub cluster: bool,
}

impl Role {
    fn resource(self) -> &'static str {
        if self.cluster {
            "clusterroles"
        } else {
            "roles"
        }
    }

    fn confirm(self, cx: &HookCx<'_>, new: &Value, old: Option<&Value>) -> Result<(), ApiError> {
        let untouched =
            old.is_some_and(|old| same(old, new, "/rules") && same(old, new, "/aggregationRule"));
        if untouched || is_master(cx) {
            return Ok(());
        }
        let name = meta(new, "name");
        let namespace = if self.cluster {
            ""
        } else {
            meta(new, "namespace")
        };
        if allowed(cx, "escalate", self.resource(), namespace, name) {
            return Ok(());
        }
        confirm_held(cx, &Rule::list(new), namespace)
            .map_err(|said| ApiError::forbidden(RBAC_GROUP, self.resource(), name, &said))?;
        let aggregates = new.get("aggregationRule").is_some_and(|a| !a.is_null());
        if self.cluster && aggregates {
            confirm_held(cx, &everything(), "").map_err(|_| {
                let said = "must have cluster-admin privileges to use the aggregationRule";
                ApiError::forbidden(RBAC_GROUP, self.resource(), name, said)
            })?;
        }
        Ok(())
    }
}

impl KindHook for Role {
    /// Compat: an empty list is kept as none, which is shown as null.
    fn default(&self, _cx: &HookCx<'_>, new: &mut Value, _old: Option<&Value>) {
        if new.get("rules").is_some_and(|rules| *rules == json!([])) {
            new["rules"] = Value::Null;
        }
    }

    fn prepare_create(&self, cx: &HookCx<'_>, new: &mut Value) -> Result<(), ApiError> {
        self.confirm(cx, new, None)
    }

    fn prepare_update(
        &self,
        cx: &HookCx<'_>,
        new: &mut Value,
        old: &Value,
    ) -> Result<(), ApiError> {
        self.confirm(cx, new, Some(old))
    }

    fn validate(&self, _cx: &HookCx<'_>, new: &Value, _old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        for (index, rule) in list(new, "/rules").iter().enumerate() {
            validate_rule(rule, &format!("rules[{index}]"), self.cluster, &mut errors);
        }
        let aggregation = new.get("aggregationRule").filter(|a| !a.is_null());
        if let Some(aggregation) = aggregation
            && list(aggregation, "/clusterRoleSelectors").is_empty()
        {
            let said = "at least one clusterRoleSelector required if aggregationRule is non-nil";
            errors.push(FieldError::required(
                "aggregationRule.clusterRoleSelectors",
                said,
            ));
        }
        errors
    }

    fn after_write(
        &self,
        cx: &HookCx<'_>,
        old: Option<&Value>,
        new: Option<&Value>,
    ) -> Vec<Effect> {
        tell(cx, self.resource(), old, new);
        if !self.cluster || !feeds_others(old) && !feeds_others(new) {
            return Vec::new();
        }
        aggregation_effects(cx)
    }
}

/// Whether a change of this role may change an aggregated one.
fn feeds_others(role: Option<&Value>) -> bool {
    role.is_some_and(|role| {
        role.get("aggregationRule").is_some_and(|a| !a.is_null())
            || role
                .pointer("/metadata/labels")
                .and_then(Value::as_object)
                .is_some_and(|labels| !labels.is_empty())
    })
}

fn aggregation_effects(cx: &HookCx<'_>) -> Vec<Effect> {
    let mut roles = cx.reader.list(RBAC_GROUP, "clusterroles", None);
    let mut index = RbacIndex::default();
    for role in &mut roles {
        role["kind"] = "ClusterRole".into();
        index.apply(role);
    }
    let mut changed = BTreeSet::new();
    // Roles may feed one another; a chain longer than this is somebody's mistake.
    for _ in 0..16 {
        let stale = index.stale_aggregates();
        if stale.is_empty() {
            break;
        }
        for (name, rules) in stale {
            if let Some(role) = roles.iter_mut().find(|r| meta(r, "name") == name) {
                role["rules"] = rules.iter().map(Rule::to_value).collect();
                index.apply(role);
            }
            changed.insert(name);
        }
    }
    let effect = |name: String| {
        let rules = roles
            .iter()
            .find(|r| meta(r, "name") == name)
            .map(|r| at(r, "/rules"))?;
        Some(Effect::Update {
            group: RBAC_GROUP.into(),
            resource: "clusterroles".into(),
            namespace: String::new(),
            name,
            mutate: Arc::new(move |role| {
                role["rules"] = rules.clone();
                Ok(())
            }),
        })
    };
    changed.into_iter().filter_map(effect).collect()
}

fn validate_rule(rule: &Value, path: &str, cluster: bool, errors: &mut Vec<FieldError>) {
    let said = "verbs must contain at least one value";
    if list(rule, "/verbs").is_empty() {
        errors.push(FieldError::required(&format!("{path}.verbs"), said));
    }
    let urls = list(rule, "/nonResourceURLs");
    let filled = |field: &str| !list(rule, &format!("/{field}")).is_empty();
    if !urls.is_empty() {
        let field = format!("{path}.nonResourceURLs");
        if !cluster {
            let said = "namespaced rules cannot apply to non-resource URLs";
            errors.push(FieldError::invalid(&field, urls.to_vec(), said));
        }
        if filled("apiGroups") || filled("resources") || filled("resourceNames") {
            let said = "rules cannot apply to both regular resources and non-resource URLs";
            errors.push(FieldError::invalid(&field, urls.to_vec(), said));
        }
        return;
    }
    if !filled("apiGroups") {
        let said = "resource rules must supply at least one api group";
        errors.push(FieldError::required(&format!("{path}.apiGroups"), said));
    }
    if !filled("resources") {
        let said = "resource rules must supply at least one resource";
        errors.push(FieldError::required(&format!("{path}.resources"), said));
    }
}

impl Binding {
    fn resource(self) -> &'static str {
        if self.cluster {
            "clusterrolebindings"
        } else {
            "rolebindings"
        }
    }

    fn confirm(self, cx: &HookCx<'_>, new: &Value, old: Option<&Value>) -> Result<(), ApiError> {
        let untouched =
            old.is_some_and(|old| same(old, new, "/roleRef") && same(old, new, "/subjects"));
        if untouched || is_master(cx) {
            return Ok(());
        }
        let name = meta(new, "name");
        let namespace = if self.cluster {
            ""
        } else {
            meta(new, "namespace")
        };
        let (kind, role) = (text(new, "/roleRef/kind"), text(new, "/roleRef/name"));
        let resource = if kind == "ClusterRole" {
            "clusterroles"
        } else {
            "roles"
        };
        if allowed(cx, "bind", resource, namespace, role) {
            return Ok(());
        }
        let scope = if kind == "ClusterRole" { "" } else { namespace };
        let found = cx
            .reader
            .get(RBAC_GROUP, resource, scope, role)
            .ok_or_else(|| ApiError::not_found(RBAC_GROUP, resource.trim_end_matches('s'), role))?;
        confirm_held(cx, &Rule::list(&found), namespace)
            .map_err(|said| ApiError::forbidden(RBAC_GROUP, self.resource(), name, &said))
    }
}

impl KindHook for Binding {
    fn default(&self, _cx: &HookCx<'_>, new: &mut Value, _old: Option<&Value>) {
        if let Some(reference) = new.get_mut("roleRef").filter(|r| r.is_object()) {
            default_text(reference, "apiGroup", RBAC_GROUP);
        }
        for subject in list_mut(new, "/subjects") {
            if matches!(text(subject, "/kind"), "User" | "Group") {
                default_text(subject, "apiGroup", RBAC_GROUP);
            }
        }
    }

    fn prepare_create(&self, cx: &HookCx<'_>, new: &mut Value) -> Result<(), ApiError> {
        self.confirm(cx, new, None)
    }

    fn prepare_update(
        &self,
        cx: &HookCx<'_>,
        new: &mut Value,
        old: &Value,
    ) -> Result<(), ApiError> {
        self.confirm(cx, new, Some(old))
    }

    fn validate(&self, _cx: &HookCx<'_>, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let group = text(new, "/roleRef/apiGroup");
        if group != RBAC_GROUP {
            errors.push(FieldError::not_supported(
                "roleRef.apiGroup",
                group,
                &[RBAC_GROUP],
            ));
        }
        let kind = text(new, "/roleRef/kind");
        let known: &[&str] = if self.cluster {
            &["ClusterRole"]
        } else {
            &["Role", "ClusterRole"]
        };
        if !known.contains(&kind) {
            errors.push(FieldError::not_supported("roleRef.kind", kind, known));
        }
        if text(new, "/roleRef/name").is_empty() {
            errors.push(FieldError::required("roleRef.name", ""));
        }
        for (index, subject) in list(new, "/subjects").iter().enumerate() {
            validate_subject(
                subject,
                &format!("subjects[{index}]"),
                self.cluster,
                &mut errors,
            );
        }
        if old.is_some_and(|old| !same(new, old, "/roleRef")) {
            // Upstream prints its internal type, whose fields have no names for JSON.
            let reference = json!({
                "APIGroup": text(new, "/roleRef/apiGroup"),
                "Kind": text(new, "/roleRef/kind"),
                "Name": text(new, "/roleRef/name"),
            });
            errors.push(FieldError::invalid(
                "roleRef",
                reference,
                "cannot change roleRef",
            ));
        }
        errors
    }

    fn after_write(
        &self,
        cx: &HookCx<'_>,
        old: Option<&Value>,
        new: Option<&Value>,
    ) -> Vec<Effect> {
        tell(cx, self.resource(), old, new);
        Vec::new()
    }
}

fn validate_subject(subject: &Value, path: &str, cluster: bool, errors: &mut Vec<FieldError>) {
    if text(subject, "/name").is_empty() {
        errors.push(FieldError::required(&format!("{path}.name"), ""));
    }
    let group = text(subject, "/apiGroup");
    match text(subject, "/kind") {
        "ServiceAccount" => {
            let name = text(subject, "/name");
            if !name.is_empty() {
                let field = format!("{path}.name");
                names::check(errors, &field, name, names::subdomain(name));
            }
            if !group.is_empty() {
                let field = format!("{path}.apiGroup");
                errors.push(FieldError::not_supported(&field, group, &[""]));
            }
            if cluster && text(subject, "/namespace").is_empty() {
                errors.push(FieldError::required(&format!("{path}.namespace"), ""));
            }
        }
        "User" | "Group" => {
            if group != RBAC_GROUP {
                let field = format!("{path}.apiGroup");
                errors.push(FieldError::not_supported(&field, group, &[RBAC_GROUP]));
            }
        }
        kind => errors.push(FieldError::not_supported(
            &format!("{path}.kind"),
            kind,
            &["ServiceAccount", "User", "Group"],
        )),
    }
}

fn tell(cx: &HookCx<'_>, resource: &str, old: Option<&Value>, new: Option<&Value>) {
    if let Some(object) = new.or(old) {
        let (namespace, name) = (meta(object, "namespace"), meta(object, "name"));
        cx.authorizer.changed(cx.reader, resource, namespace, name);
    }
}

fn is_master(cx: &HookCx<'_>) -> bool {
    cx.user.in_group(MASTERS)
}

fn allowed(cx: &HookCx<'_>, verb: &str, resource: &str, namespace: &str, name: &str) -> bool {
    let info = RequestInfo {
        user: cx.user.clone(),
        verb: verb.into(),
        api_prefix: "apis".into(),
        api_group: RBAC_GROUP.into(),
        api_version: "*".into(),
        resource: resource.into(),
        namespace: namespace.into(),
        name: name.into(),
        is_resource: true,
        ..RequestInfo::default()
    };
    cx.authorizer.authorize(cx.reader, &info) == Decision::Allow
}

/// Fails with upstream's sentence where the caller lacks some of the rights in `wanted`.
fn confirm_held(cx: &HookCx<'_>, wanted: &[Rule], namespace: &str) -> Result<(), String> {
    let (resources, paths) = cx.authorizer.rules(cx.reader, cx.user, namespace);
    let owned: Vec<Rule> = resources
        .iter()
        .chain(&paths)
        .map(Rule::from_value)
        .collect();
    let missing = compact_rules(uncovered(&owned, wanted));
    if missing.is_empty() {
        return Ok(());
    }
    let spelled: BTreeSet<String> = missing.iter().map(Rule::compact).collect();
    Err(format!(
        "user {} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
        go_quote(&cx.user.username),
        go_list(&cx.user.groups),
        spelled.into_iter().collect::<Vec<_>>().join("\n")
    ))
}

fn everything() -> Vec<Rule> {
    vec![
        Rule::from_value(&json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]})),
        Rule::from_value(&json!({"nonResourceURLs": ["*"], "verbs": ["*"]})),
    ]
}
