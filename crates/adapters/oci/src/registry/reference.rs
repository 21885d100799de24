//! References to what lies in a registry: `host/repository:tag@digest`.

use crate::error::ChartError;
use std::fmt;

/// Longest name of a repository; the distribution specification leaves it open.
const MAX_REPOSITORY: usize = 255;

/// A parsed reference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reference {
    /// Host and port.
    pub host: String,
    /// The repository's name.
    pub repository: String,
    /// The tag as the registry has it, so with `_` for `+`; empty for none.
    pub tag: String,
    /// `sha256:…`; empty for none.
    pub digest: String,
}

impl Reference {
    /// Reads a reference, with or without `oci://` before it.
    ///
    /// # Errors
    /// [`ChartError::Reference`] for what cannot be one.
    pub fn parse(text: &str) -> Result<Self, ChartError> {
        let refuse = |why: &str| Err(ChartError::Reference(format!("{why} in {text:?}")));
        let bare = text
            .strip_prefix("oci://")
            .unwrap_or(text)
            .trim_end_matches('/');
        let Some((host, rest)) = bare.split_once('/') else {
            return refuse("missing registry or repository");
        };
        let (rest, digest) = rest.split_once('@').unwrap_or((rest, ""));
        let last = rest.rfind('/').map_or(0, |at| at + 1);
        let (repository, tag) = match rest[last..].split_once(':') {
            Some((_, tag)) => (&rest[..rest.len() - tag.len() - 1], tag),
            None => (rest, ""),
        };
        if host.is_empty() || !host.bytes().all(is_host) {
            return refuse("invalid registry");
        }
        if repository.len() > MAX_REPOSITORY || !repository.split('/').all(is_component) {
            return refuse("invalid repository");
        }
        let tag = tag_of(tag);
        if !tag.is_empty() && !is_tag(&tag) {
            return refuse("invalid tag");
        }
        if !digest.is_empty() && !is_digest(digest) {
            return refuse("invalid digest");
        }
        Ok(Self {
            host: host.to_owned(),
            repository: repository.to_owned(),
            tag,
            digest: digest.to_owned(),
        })
    }

    /// The same repository at a version.
    #[must_use]
    pub fn at(&self, version: &str) -> Self {
        Self {
            tag: tag_of(version),
            digest: String::new(),
            ..self.clone()
        }
    }

    /// What a manifest is asked for by: the digest, else the tag.
    pub fn target(&self) -> &str {
        if self.digest.is_empty() {
            &self.tag
        } else {
            &self.digest
        }
    }

    /// The last part of the repository's name: what Helm takes for the chart's.
    pub fn chart(&self) -> &str {
        self.repository.rsplit('/').next().unwrap_or_default()
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.repository)?;
        if !self.digest.is_empty() {
            write!(f, "@{}", self.digest)
        } else if self.tag.is_empty() {
            Ok(())
        } else {
            write!(f, ":{}", self.tag)
        }
    }
}

/// A version as a tag. Compat: registries allow no `+`, so Helm writes `_`.
fn tag_of(version: &str) -> String {
    version.replace('+', "_")
}

fn is_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']')
}

fn is_component(part: &str) -> bool {
    let inner = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_')
    };
    let edge = |byte: Option<&u8>| {
        byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let bytes = part.as_bytes();
    edge(bytes.first()) && edge(bytes.last()) && bytes.iter().all(|byte| inner(*byte))
}

fn is_tag(tag: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let first = tag.as_bytes().first();
    tag.len() <= 128
        && tag.bytes().all(inner)
        && first.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// Whether a text is a SHA-256 digest; no other algorithm is used by charts.
pub(crate) fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        hex.len() == 64 && hex.bytes().all(is_hex)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_come_apart_and_together_again() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, host, repository, tag, with_digest) in [
            ("oci://h:5000/a/b:1.0.0", "h:5000", "a/b", "1.0.0", false),
            ("h/a", "h", "a", "", false),
            ("h/a:1.0.0+b.1", "h", "a", "1.0.0_b.1", false),
            (&format!("h/a@{digest}"), "h", "a", "", true),
            (&format!("h/a:1.0.0@{digest}"), "h", "a", "1.0.0", true),
        ] {
            let found = Reference::parse(text).expect("it parses");
            assert_eq!(found.host, host, "{text}");
            assert_eq!(found.repository, repository, "{text}");
            assert_eq!(found.tag, tag, "{text}");
            assert_eq!(!found.digest.is_empty(), with_digest, "{text}");
        }
        assert_eq!(
            Reference::parse("h/a:1.0.0+b")
                .expect("it parses")
                .to_string(),
            "h/a:1.0.0_b"
        );
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for text in [
            "h",
            "h/",
            "/a",
            "h/A",
            "h/a/../b",
            "h/a:",
            "h/a:b c",
            "h/a@sha256:12",
            "h@evil/a/x?y",
            "u:p@h/a",
            "h/a?b=c",
        ] {
            // `h/a:` names no tag, which is as good as none.
            let is_fine = text == "h/a:";
            assert_eq!(Reference::parse(text).is_ok(), is_fine, "{text}");
        }
    }
}
