//! The build environment: what `$ARGOCD_APP_…` stands for.

use crate::request::Request;
use argosy_crds::Source;
use std::collections::BTreeMap;

/// Variables of one rendering.
pub(crate) struct Environment(BTreeMap<&'static str, String>);

impl Environment {
    pub(crate) fn of(request: &Request, source: &Source) -> Self {
        let short = |len: usize| request.revision.chars().take(len).collect::<String>();
        Self(BTreeMap::from([
            ("ARGOCD_APP_NAME", request.app_name.clone()),
            ("ARGOCD_APP_NAMESPACE", request.namespace.clone()),
            ("ARGOCD_APP_PROJECT_NAME", request.project.clone()),
            ("ARGOCD_APP_REVISION", request.revision.clone()),
            ("ARGOCD_APP_REVISION_SHORT", short(7)),
            ("ARGOCD_APP_REVISION_SHORT_8", short(8)),
            ("ARGOCD_APP_SOURCE_PATH", source.path.clone()),
            ("ARGOCD_APP_SOURCE_REPO_URL", source.repo_url.clone()),
            (
                "ARGOCD_APP_SOURCE_TARGET_REVISION",
                source.target_revision.clone(),
            ),
            (
                "KUBE_VERSION",
                request.kube_version.trim_start_matches('v').to_owned(),
            ),
            ("KUBE_API_VERSIONS", request.api_versions.join(",")),
        ]))
    }

    /// Replaces `$NAME` and `${NAME}`; an unknown name becomes empty and `$$` becomes `$`.
    /// Compat: as an application controller was observed to do.
    pub(crate) fn expand(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                out.push('$');
                rest = after;
                continue;
            }
            let (name, after) = match rest.strip_prefix('{').and_then(|r| r.split_once('}')) {
                Some(braced) => braced,
                None => {
                    let end = rest
                        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                        .unwrap_or(rest.len());
                    rest.split_at(end)
                }
            };
            if let Some(value) = self.0.get(name) {
                out.push_str(value);
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }
}
