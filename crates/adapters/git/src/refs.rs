//! What a repository's names point to, and which commit a wanted revision is.

use crate::objects::{ObjectFault, Objects};
use argosy_ports::Wanted;
use argosy_semver::{Constraint, Version};
use gix::ObjectId;
use std::collections::BTreeMap;

/// Longest chain of symbolic references.
const MAX_SYMBOLIC: usize = 5;

/// Where a reference points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A commit or an annotated tag.
    Object(ObjectId),
    /// Another reference.
    Ref(String),
}

/// All references that count, by full name, `HEAD` among them.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Refs(pub BTreeMap<String, Target>);

/// Why a revision is none of a repository's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unresolved {
    /// No name fits; a remote may know it.
    Unknown(Option<String>),
    /// A full commit name that is not in the database.
    Commit(ObjectId),
    /// The database failed.
    Fault(ObjectFault),
}

impl Refs {
    /// The object that a full name leads to.
    fn object(&self, name: &str) -> Option<ObjectId> {
        let mut name = name;
        for _ in 0..MAX_SYMBOLIC {
            match self.0.get(name)? {
                Target::Object(id) => return Some(*id),
                Target::Ref(next) => name = next,
            }
        }
        None
    }

    /// The objects that references point to directly.
    pub(crate) fn tips(&self) -> impl Iterator<Item = &ObjectId> {
        self.0.values().filter_map(|target| match target {
            Target::Object(id) => Some(id),
            Target::Ref(_) => None,
        })
    }

    /// The objects of the branches alone.
    pub(crate) fn branch_tips(&self) -> impl Iterator<Item = &ObjectId> {
        self.0
            .iter()
            .filter(|(name, _)| name.starts_with("refs/heads/"))
            .filter_map(|(_, target)| match target {
                Target::Object(id) => Some(id),
                Target::Ref(_) => None,
            })
    }

    fn tags(&self) -> impl Iterator<Item = &str> {
        self.0
            .keys()
            .filter_map(|name| name.strip_prefix("refs/tags/"))
    }

    /// The commit of a wanted revision.
    ///
    /// `Compat:` Argo CD's order: a full commit name is taken as it is; a semver range means its
    /// highest tag; then names, full or short (a tag before a branch of the same name, as Git
    /// itself reads one); then a shortened commit name of seven digits or more.
    pub(crate) fn resolve(
        &self,
        wanted: &Wanted,
        objects: &Objects,
    ) -> Result<ObjectId, Unresolved> {
        let revision = match &*wanted.revision {
            "" => "HEAD",
            revision => revision,
        };
        if is_full_commit(revision) {
            let id = ObjectId::from_hex(revision.to_ascii_lowercase().as_bytes())
                .expect("forty hexadecimal digits");
            return if objects.exists(&id) {
                objects.peel(&id).map_err(Unresolved::Fault)
            } else {
                Err(Unresolved::Commit(id))
            };
        }
        let prefix = wanted.tag_prefix.as_deref().unwrap_or_default();
        let (tag, why) = match self.highest_tag(revision, prefix) {
            Ok(tag) => (tag, None),
            Err(why) => (None, Some(why)),
        };
        let by_name = tag
            .and_then(|tag| self.object(&format!("refs/tags/{tag}")))
            .or_else(|| self.by_name(revision, prefix));
        if let Some(id) = by_name {
            return objects.peel(&id).map_err(Unresolved::Fault);
        }
        if is_short_commit(revision) {
            let found = objects.commits_with_prefix(&revision.to_ascii_lowercase());
            return match found[..] {
                [id] => Ok(id),
                [] => Err(Unresolved::Unknown(None)),
                _ => Err(Unresolved::Unknown(Some(
                    "more than one commit begins with these digits".into(),
                ))),
            };
        }
        Err(Unresolved::Unknown(why))
    }

    fn by_name(&self, revision: &str, prefix: &str) -> Option<ObjectId> {
        let mut candidates = vec![revision.to_owned()];
        if !prefix.is_empty() {
            candidates.insert(0, format!("refs/tags/{prefix}{revision}"));
        }
        if !revision.starts_with("refs/") {
            candidates.push(format!("refs/tags/{revision}"));
            candidates.push(format!("refs/heads/{revision}"));
            candidates.push(format!("refs/{revision}"));
        }
        candidates.iter().find_map(|name| self.object(name))
    }

    /// The highest tag in a range; `None` where the revision is no range.
    fn highest_tag(&self, revision: &str, prefix: &str) -> Result<Option<String>, String> {
        let (path, range) = split_path(revision);
        if Version::parse(&range).is_ok() {
            return Ok(None);
        }
        let Ok(constraint) = Constraint::parse(&range) else {
            return Ok(None);
        };
        let prefix = format!("{prefix}{path}");
        let mut count = 0;
        let mut best: Option<(Version, &str)> = None;
        for tag in self.tags() {
            let Some(text) = tag.strip_prefix(&prefix) else {
                continue;
            };
            count += 1;
            let Ok(version) = Version::parse(text) else {
                continue;
            };
            if constraint.check(&version) && best.as_ref().is_none_or(|(b, _)| version > *b) {
                best = Some((version, tag));
            }
        }
        match best {
            Some((_, tag)) => Ok(Some(tag.to_owned())),
            None => Err(format!(
                "version matching constraint not found in {count} tags"
            )),
        }
    }
}

/// `Compat:` a range whose every version has the same path (`prod/v1.*`) is compared with the
/// tags under that path.
fn split_path(revision: &str) -> (String, String) {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let words: Vec<&str> = revision
        .split(|c| !is_part(c))
        .filter(|word| !word.is_empty())
        .collect();
    let path = words
        .first()
        .and_then(|word| word.rfind('/').map(|at| &word[..=at]))
        .unwrap_or_default();
    if path.is_empty() || !words.iter().all(|word| word.starts_with(path)) {
        return (String::new(), revision.to_owned());
    }
    (path.to_owned(), revision.replace(path, ""))
}

fn is_full_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn is_short_commit(text: &str) -> bool {
    (7..40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Whether a remote may know a name that heads and tags do not hold, and under which full name.
pub(crate) fn elsewhere(revision: &str) -> Option<String> {
    let full = if revision.starts_with("refs/") {
        revision.to_owned()
    } else if revision.starts_with("pull/") || revision.starts_with("merge-requests/") {
        format!("refs/{revision}")
    } else {
        return None;
    };
    let valid = gix::validate::reference::name(full.as_str().into()).is_ok();
    let fetched_anyway = full.starts_with("refs/heads/") || full.starts_with("refs/tags/");
    (valid && !fetched_anyway).then_some(full)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> ObjectId {
        ObjectId::from_bytes_or_panic(&[n; 20])
    }

    fn refs(names: &[&str]) -> Refs {
        Refs(
            names
                .iter()
                .enumerate()
                .map(|(n, name)| ((*name).to_owned(), Target::Object(id(n as u8))))
                .collect(),
        )
    }

    #[test]
    fn ranges_take_the_highest_tag_and_skip_what_is_no_version() {
        let refs = refs(&[
            "refs/tags/v1.2.0",
            "refs/tags/v1.10.0",
            "refs/tags/v2.0.0-rc.1",
            "refs/tags/latest",
            "refs/tags/app-1.3.0",
            "refs/tags/prod/v1.0.5",
        ]);
        let highest = |range, prefix| refs.highest_tag(range, prefix);
        assert_eq!(highest("1.*", "").unwrap().as_deref(), Some("v1.10.0"));
        assert_eq!(highest(">=1 <2", "").unwrap().as_deref(), Some("v1.10.0"));
        assert_eq!(
            highest(">=2.0.0-0", "").unwrap().as_deref(),
            Some("v2.0.0-rc.1")
        );
        assert_eq!(
            highest("1.*", "app-").unwrap().as_deref(),
            Some("app-1.3.0")
        );
        assert_eq!(
            highest("prod/v1.*", "").unwrap().as_deref(),
            Some("prod/v1.0.5")
        );
        assert_eq!(highest("v1.2.0", "").unwrap(), None);
        assert_eq!(highest("main", "").unwrap(), None);
        assert!(highest("3.*", "").unwrap_err().contains("in 6 tags"));
    }

    #[test]
    fn names_are_found_full_and_short_and_through_head() {
        let mut refs = refs(&["refs/heads/main", "refs/heads/both", "refs/tags/both"]);
        refs.0
            .insert("HEAD".into(), Target::Ref("refs/heads/main".into()));
        assert_eq!(refs.by_name("HEAD", ""), Some(id(0)));
        assert_eq!(refs.by_name("main", ""), Some(id(0)));
        assert_eq!(refs.by_name("refs/heads/both", ""), Some(id(1)));
        assert_eq!(refs.by_name("both", ""), Some(id(2)));
        assert_eq!(refs.by_name("nothing", ""), None);
    }

    #[test]
    fn symbolic_circles_end() {
        let mut refs = Refs::default();
        refs.0.insert("HEAD".into(), Target::Ref("HEAD".into()));
        assert_eq!(refs.object("HEAD"), None);
    }

    #[test]
    fn only_valid_names_outside_heads_and_tags_are_asked_for() {
        assert_eq!(
            elsewhere("pull/7/head").as_deref(),
            Some("refs/pull/7/head")
        );
        assert_eq!(elsewhere("refs/notes/x").as_deref(), Some("refs/notes/x"));
        assert_eq!(elsewhere("refs/heads/x"), None);
        assert_eq!(elsewhere("main"), None);
        assert_eq!(elsewhere("refs/x\nwant 1"), None);
    }
}
