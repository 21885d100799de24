//! Which objects a patch or a replacement is for.

use crate::error::KustomizeError;
use crate::id::{Gvk, scalar_text};
use crate::kustomization::TargetEdit;
use crate::resource::Resource;
use argosy_object::{Map, Value};
use regex_automata::meta::Regex;

/// The largest compiled pattern, in bytes.
const PATTERN_LIMIT: usize = 1 << 20;

/// What a whole text must match.
enum Pattern {
    /// Itself: most targets name one object.
    Plain(String),
    Regex(Regex),
}

/// A target with its patterns compiled.
pub(crate) struct Selector {
    group: Option<Pattern>,
    version: Option<Pattern>,
    kind: Option<Pattern>,
    name: Option<Pattern>,
    namespace: Option<Pattern>,
    labels: Vec<Requirement>,
    annotations: Vec<Requirement>,
}

impl Selector {
    /// Compiles a target's patterns, each of which must match the whole text.
    pub(crate) fn new(target: &TargetEdit) -> Result<Self, KustomizeError> {
        Ok(Self {
            group: anchored(&target.group)?,
            version: anchored(&target.version)?,
            kind: anchored(&target.kind)?,
            name: anchored(&target.name)?,
            namespace: anchored(&target.namespace)?,
            labels: requirements(&target.label_selector)?,
            annotations: requirements(&target.annotation_selector)?,
        })
    }

    pub(crate) fn fits_gvk(&self, gvk: &Gvk) -> bool {
        fits(self.group.as_ref(), &gvk.group)
            && fits(self.version.as_ref(), &gvk.version)
            && fits(self.kind.as_ref(), &gvk.kind)
    }

    pub(crate) fn fits_name(&self, name: &str) -> bool {
        fits(self.name.as_ref(), name)
    }

    pub(crate) fn fits_namespace(&self, namespace: &str) -> bool {
        fits(self.namespace.as_ref(), namespace)
    }

    /// Whether no id is asked for, only labels or annotations.
    pub(crate) fn has_no_id(&self) -> bool {
        [
            &self.group,
            &self.version,
            &self.kind,
            &self.name,
            &self.namespace,
        ]
        .iter()
        .all(|p| p.is_none())
    }

    pub(crate) fn has_no_texts(&self) -> bool {
        self.labels.is_empty() && self.annotations.is_empty()
    }

    pub(crate) fn fits_texts(&self, resource: &Resource) -> bool {
        let labels = resource.texts("labels");
        let annotations = resource.texts("annotations");
        self.labels.iter().all(|r| r.fits(&labels))
            && self.annotations.iter().all(|r| r.fits(&annotations))
    }

    /// Whether a patch with this target is for `resource`: by its first or its current name and
    /// namespace, and its current kind.
    pub(crate) fn selects(&self, resource: &Resource) -> bool {
        let (now, first) = (resource.id(), resource.original_id());
        (self.fits_namespace(first.effective_namespace())
            || self.fits_namespace(now.effective_namespace()))
            && (self.fits_name(&first.name) || self.fits_name(&now.name))
            && self.fits_gvk(&now.gvk)
            && self.fits_texts(resource)
    }
}

fn anchored(pattern: &str) -> Result<Option<Pattern>, KustomizeError> {
    if pattern.is_empty() {
        return Ok(None);
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'/');
    if pattern.bytes().all(is_plain) {
        return Ok(Some(Pattern::Plain(pattern.to_owned())));
    }
    let regex = pattern_of(&format!("^(?:{pattern})$"))?;
    Ok(Some(Pattern::Regex(regex)))
}

/// Compiles a pattern of a user's.
pub(crate) fn pattern_of(pattern: &str) -> Result<Regex, KustomizeError> {
    // It meets names, which are short: tables would cost more than they spare.
    let config = Regex::config()
        .nfa_size_limit(Some(PATTERN_LIMIT))
        .hybrid(false)
        .dfa(false)
        .onepass(false);
    Regex::builder()
        .configure(config)
        .build(pattern)
        .map_err(|error| {
            KustomizeError::failed(format!("the pattern `{pattern}` cannot be used: {error}"))
        })
}

fn fits(pattern: Option<&Pattern>, text: &str) -> bool {
    match pattern {
        None => true,
        Some(Pattern::Plain(plain)) => plain == text,
        Some(Pattern::Regex(regex)) => regex.is_match(text),
    }
}

/// One part of a label selector.
struct Requirement {
    key: String,
    operator: Operator,
    values: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    In,
    NotIn,
    Exists,
    Missing,
    Greater,
    Less,
}

impl Requirement {
    fn fits(&self, texts: &Map<String, Value>) -> bool {
        let found = texts.get(&self.key).map(scalar_text);
        let number = |text: &str| text.parse::<i64>().ok();
        let bound = self.values.first().and_then(|v| number(v));
        let have = found.as_deref().and_then(number);
        match self.operator {
            Operator::Exists => found.is_some(),
            Operator::Missing => found.is_none(),
            Operator::In => found.is_some_and(|f| self.values.contains(&f)),
            Operator::NotIn => found.is_none_or(|f| !self.values.contains(&f)),
            Operator::Greater => have.zip(bound).is_some_and(|(h, b)| h > b),
            Operator::Less => have.zip(bound).is_some_and(|(h, b)| h < b),
        }
    }
}

/// Parses a label selector as Kubernetes writes them.
fn requirements(text: &str) -> Result<Vec<Requirement>, KustomizeError> {
    let mut parts = Vec::new();
    let mut depth = 0usize;
    let mut start = 0;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if !text.trim().is_empty() {
        parts.push(&text[start..]);
    }
    parts
        .into_iter()
        .map(|part| requirement(part, text))
        .collect()
}

fn requirement(part: &str, whole: &str) -> Result<Requirement, KustomizeError> {
    let broken = || KustomizeError::failed(format!("unable to parse the selector `{whole}`"));
    let part = part.trim();
    let make = |key: &str, operator, values: Vec<String>| {
        let key = key.trim().to_owned();
        let odd = |c: char| c.is_whitespace() || "()=!<>,".contains(c);
        if key.is_empty() || key.contains(odd) {
            return Err(broken());
        }
        Ok(Requirement {
            key,
            operator,
            values,
        })
    };
    if let Some(key) = part.strip_prefix('!') {
        return make(key, Operator::Missing, Vec::new());
    }
    for (word, operator) in [(" notin ", Operator::NotIn), (" in ", Operator::In)] {
        let spaced = part.replacen('(', " (", 1);
        if let Some((key, set)) = spaced.split_once(word) {
            let inner = set
                .trim()
                .strip_prefix('(')
                .and_then(|s| s.strip_suffix(')'));
            let inner = inner.ok_or_else(broken)?;
            let values = inner.split(',').map(|v| v.trim().to_owned()).collect();
            return make(key, operator, values);
        }
    }
    for (sign, operator) in [
        ("!=", Operator::NotIn),
        ("==", Operator::In),
        ("=", Operator::In),
        (">", Operator::Greater),
        ("<", Operator::Less),
    ] {
        if let Some((key, value)) = part.split_once(sign) {
            return make(key, operator, vec![value.trim().to_owned()]);
        }
    }
    make(part, Operator::Exists, Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::{Origin, json};

    fn selects(labels: &str) -> bool {
        let value = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "labels": {"app": "x", "n": "5"}}});
        let target = TargetEdit {
            label_selector: labels.into(),
            ..TargetEdit::default()
        };
        Selector::new(&target)
            .unwrap()
            .selects(&Resource::new(value, Origin::default()))
    }

    #[test]
    fn label_selectors_are_kubernetes_own() {
        for yes in [
            "app=x",
            "app==x,n",
            "app in (y, x)",
            "app notin (z)",
            "!zone",
            "n>4",
            "app!=z",
            "",
        ] {
            assert!(selects(yes), "{yes}");
        }
        for no in ["app=y", "zone", "!app", "app notin (x)", "n<5"] {
            assert!(!selects(no), "{no}");
        }
        let broken = TargetEdit {
            label_selector: "a b c".into(),
            ..TargetEdit::default()
        };
        assert!(Selector::new(&broken).is_err());
    }
}
