//! What an authorizer is asked, and the sentences it answers with.

use crate::auth::rule::go_quote;

/// One request as authorization sees it. `path` is set for requests outside the API groups, and
/// the resource fields count for nothing then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes<'a> {
    /// Verb: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`, ..
    pub verb: &'a str,
    /// API group, empty for core.
    pub group: &'a str,
    /// Resource, such as `pods`.
    pub resource: &'a str,
    /// Subresource, such as `log`, or empty.
    pub subresource: &'a str,
    /// Namespace, empty at the cluster scope.
    pub namespace: &'a str,
    /// Name, empty for collections.
    pub name: &'a str,
    /// Path of a request outside the API groups.
    pub path: Option<&'a str>,
}

impl Attributes<'_> {
    /// What the user cannot do, in kube-apiserver's words.
    pub fn refusal(&self, user: &str) -> String {
        let user = go_quote(user);
        if let Some(path) = self.path {
            return sanitize(&format!(
                "User {user} cannot {} path {}",
                self.verb,
                go_quote(path)
            ));
        }
        let resource = if self.subresource.is_empty() {
            self.resource.to_owned()
        } else {
            format!("{}/{}", self.resource, self.subresource)
        };
        let scope = if self.namespace.is_empty() {
            "at the cluster scope".to_owned()
        } else {
            format!("in the namespace {}", go_quote(self.namespace))
        };
        sanitize(&format!(
            "User {user} cannot {} resource {} in API group {} {scope}",
            self.verb,
            go_quote(&resource),
            go_quote(self.group),
        ))
    }

    /// The whole message of the 403 Status, `reason` appended where there is one.
    ///
    /// Compat: kube-apiserver's `responsewriters.Forbidden` and `errors.NewForbidden`.
    pub fn forbidden(&self, user: &str, reason: &str) -> String {
        let mut refusal = self.refusal(user);
        if !reason.is_empty() {
            refusal.push_str(": ");
            refusal.push_str(reason);
        }
        if self.path.is_some() || self.resource.is_empty() {
            return format!("forbidden: {refusal}");
        }
        let resource = qualified(self.resource, self.group);
        if self.name.is_empty() {
            format!("{resource} is forbidden: {refusal}")
        } else {
            format!("{resource} {} is forbidden: {refusal}", go_quote(self.name))
        }
    }
}

/// A resource with its group: `deployments.apps`, `pods`.
pub fn qualified(resource: &str, group: &str) -> String {
    if group.is_empty() {
        resource.to_owned()
    } else {
        format!("{resource}.{group}")
    }
}

fn sanitize(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_read_as_upstream() {
        let list = Attributes {
            verb: "list",
            resource: "pods",
            namespace: "y",
            ..Attributes::default()
        };
        assert_eq!(
            list.forbidden("x", ""),
            r#"pods is forbidden: User "x" cannot list resource "pods" in API group "" in the namespace "y""#
        );
        let scale = Attributes {
            verb: "update",
            group: "apps",
            resource: "deployments",
            subresource: "scale",
            name: "web",
            ..Attributes::default()
        };
        assert_eq!(
            scale.forbidden("x", "RBAC: no"),
            "deployments.apps \"web\" is forbidden: User \"x\" cannot update resource \
             \"deployments/scale\" in API group \"apps\" at the cluster scope: RBAC: no"
        );
        let path = Attributes {
            verb: "get",
            path: Some("/metrics"),
            ..Attributes::default()
        };
        assert_eq!(
            path.forbidden("system:anonymous", ""),
            r#"forbidden: User "system:anonymous" cannot get path "/metrics""#
        );
    }
}
