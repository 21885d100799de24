//! Request paths and queries of the Kubernetes API.

use argosy_ports::{ApiError, ApiErrorKind, Resource};
use std::fmt::Write as _;

/// A path with its query, built piece by piece; every value is encoded.
#[derive(Clone, Debug)]
pub struct Path {
    text: String,
    has_query: bool,
}

impl Path {
    /// A literal path of our own, such as `/version`.
    pub fn literal(path: &str) -> Self {
        Self {
            text: path.to_owned(),
            has_query: false,
        }
    }

    /// `/api/v1/namespaces/NS/pods`, or the collection of all namespaces.
    pub fn collection(resource: &Resource, namespace: Option<&str>) -> Result<Self, ApiError> {
        let gvk = &resource.gvk;
        let mut path = Self::literal(if gvk.group.is_empty() {
            "/api"
        } else {
            "/apis"
        });
        if !gvk.group.is_empty() {
            path.segment(&gvk.group)?;
        }
        path.segment(&gvk.version)?;
        if let Some(namespace) = namespace.filter(|_| resource.namespaced) {
            path.segment("namespaces")?;
            path.segment(namespace)?;
        }
        path.segment(&resource.plural)?;
        Ok(path)
    }

    /// One object, or a subresource of it.
    pub fn object(
        resource: &Resource,
        namespace: Option<&str>,
        name: &str,
        subresource: Option<&str>,
    ) -> Result<Self, ApiError> {
        if resource.namespaced && namespace.is_none() {
            return Err(invalid(format!(
                "`{name}` of kind `{}` needs a namespace",
                resource.gvk.kind
            )));
        }
        let mut path = Self::collection(resource, namespace)?;
        path.segment(name)?;
        for part in subresource.into_iter().flat_map(|text| text.split('/')) {
            path.segment(part)?;
        }
        Ok(path)
    }

    /// Adds one segment. Compat: apimachinery's `IsValidPathSegmentName` refuses the same.
    fn segment(&mut self, text: &str) -> Result<(), ApiError> {
        if text.is_empty() || text == "." || text == ".." || text.contains(['/', '%']) {
            return Err(invalid(format!(
                "`{}` may not be a name in a path",
                text.escape_debug()
            )));
        }
        self.text.push('/');
        encode(text, &mut self.text);
        Ok(())
    }

    /// Adds a parameter.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.text.push(if self.has_query { '&' } else { '?' });
        self.has_query = true;
        self.text.push_str(name);
        self.text.push('=');
        encode(value, &mut self.text);
        self
    }

    /// Adds a parameter where there is a value.
    pub fn with_some(self, name: &str, value: Option<&str>) -> Self {
        match value.filter(|text| !text.is_empty()) {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The text on the wire.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn invalid(message: String) -> ApiError {
    ApiError::new(ApiErrorKind::Invalid, message)
}

fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => {
                out.push(char::from(byte));
            }
            _ => {
                let _ = write!(out, "%{byte:02X}"); // writing to a String cannot fail
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::Gvk;

    #[test]
    fn paths_follow_group_scope_and_subresource() {
        let deployments = Resource::new(Gvk::new("apps", "v1", "Deployment"), "deployments", true);
        let path = Path::object(&deployments, Some("shop"), "web", Some("status")).unwrap();
        assert_eq!(
            path.as_str(),
            "/apis/apps/v1/namespaces/shop/deployments/web/status"
        );
        let all = Path::collection(&deployments, None)
            .unwrap()
            .with("labelSelector", "a in (b, c)");
        assert_eq!(
            all.as_str(),
            "/apis/apps/v1/deployments?labelSelector=a%20in%20%28b%2C%20c%29"
        );
        let nodes = Resource::new(Gvk::new("", "v1", "Node"), "nodes", false);
        let path = Path::object(&nodes, Some("ignored"), "system:x", None).unwrap();
        assert_eq!(path.as_str(), "/api/v1/nodes/system:x");
    }

    #[test]
    fn names_cannot_leave_their_place() {
        let pods = Resource::new(Gvk::new("", "v1", "Pod"), "pods", true);
        for name in ["..", "a/b", "", "a%2fb"] {
            assert!(
                Path::object(&pods, Some("x"), name, None).is_err(),
                "{name}"
            );
        }
        assert!(Path::object(&pods, Some("../secrets"), "x", None).is_err());
        assert!(
            Path::object(&pods, None, "x", None)
                .unwrap_err()
                .message
                .contains("namespace")
        );
    }
}
