//! Tags of a repository, page by page, and the choice of a version among them.

use super::reference::Reference;
use super::{Registry, Request, pull_scope};
use crate::error::ChartError;
use argosy_fetch::{origin, redirected};
use argosy_semver::{Constraint, Version};
use http::StatusCode;

/// Most pages of one list.
const MAX_PAGES: usize = 1000;
/// Most tags of one repository.
const MAX_TAGS: usize = 100_000;
/// The largest page.
const MAX_PAGE: u64 = 8 << 20;
/// Longest tag. Compat: the distribution specification's.
const MAX_TAG: usize = 128;

pub(super) fn all(registry: &Registry, reference: &Reference) -> Result<Vec<String>, ChartError> {
    let base = registry.base();
    let limit = |what: &'static str, limit: usize| ChartError::Limit {
        place: format!("{}/{}", reference.host, reference.repository),
        what,
        limit: limit as u64,
    };
    let scope = pull_scope(reference);
    let mut url = format!("{base}/v2/{}/tags/list", reference.repository);
    let mut tags = Vec::new();
    for _ in 0..MAX_PAGES {
        let answer = registry.expect(&Request::get(&url, &scope), &[StatusCode::OK])?;
        let next = next_page(answer.header("link")).map(str::to_owned);
        let page: serde_json::Value =
            serde_json::from_slice(&answer.read(MAX_PAGE)?).map_err(|_| ChartError::Malformed {
                place: url.clone(),
                reason: "the list of tags is no JSON".into(),
            })?;
        let found = page["tags"].as_array().into_iter().flatten();
        tags.extend(
            found
                .filter_map(|tag| tag.as_str())
                .filter(|tag| tag.len() <= MAX_TAG)
                .map(str::to_owned),
        );
        if tags.len() > MAX_TAGS {
            return Err(limit("the number of tags", MAX_TAGS));
        }
        let Some(next) = next else { return Ok(tags) };
        let next = redirected(&url, &next).filter(|next| origin(next) == base && *next != url);
        url = next.ok_or_else(|| ChartError::Malformed {
            place: url.clone(),
            reason: "the next page of tags is on another host, or the same again".into(),
        })?;
    }
    Err(limit("the number of pages of tags", MAX_PAGES))
}

/// `<URL>; rel="next"`.
fn next_page(link: &str) -> Option<&str> {
    let start = link.find('<')?;
    let end = start + link[start..].find('>')?;
    let rest = &link[end..];
    rest.contains("next").then_some(&link[start + 1..end])
}

/// The version among tags that a version or range asks for, with `+` for `_`.
///
/// Compat: helm counts only strict versions, takes an exact one first, then the highest in the
/// range; without a range the highest that is no pre-release.
///
/// # Errors
/// [`ChartError::NotFound`] in helm's words.
pub fn choose_tag(tags: &[String], wanted: &str) -> Result<String, ChartError> {
    let mut versions: Vec<Version> = tags
        .iter()
        .filter_map(|tag| Version::parse_strict(&tag.replace('_', "+")).ok())
        .collect();
    versions.sort_by(|left, right| right.cmp(left));
    let exact = versions.iter().find(|found| found.original() == wanted);
    if let Some(found) = exact {
        return Ok(found.original().to_owned());
    }
    let range = Constraint::parse(if wanted.is_empty() { "*" } else { wanted })
        .map_err(|error| ChartError::NotFound(error.to_string()))?;
    let found = versions.iter().find(|version| range.check(version));
    found
        .map(|version| version.original().to_owned())
        .ok_or_else(|| {
            ChartError::NotFound(format!(
                "could not locate a version matching provided version string {wanted}"
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_chosen_among_tags_as_helm_does() {
        let tags = [
            "1.0.0",
            "latest",
            "1.2.0_b.1",
            "2.0.0-rc.1",
            "v9.0.0",
            "1.10.0",
        ];
        let tags = tags.map(str::to_owned);
        let choose = |wanted| choose_tag(&tags, wanted).ok();
        assert_eq!(choose("").as_deref(), Some("1.10.0"));
        assert_eq!(choose("1.2.0+b.1").as_deref(), Some("1.2.0+b.1"));
        assert_eq!(choose("<1.9").as_deref(), Some("1.2.0+b.1"));
        assert_eq!(choose(">0.0.0-0").as_deref(), Some("2.0.0-rc.1"));
        assert_eq!(choose("^3"), None);
    }

    #[test]
    fn links_to_the_next_page_are_found() {
        let link = "</v2/a/tags/list?last=x&n=2>; rel=\"next\"";
        assert_eq!(next_page(link), Some("/v2/a/tags/list?last=x&n=2"));
        assert_eq!(next_page("</x>; rel=\"prev\""), None);
        assert_eq!(next_page(""), None);
    }
}
