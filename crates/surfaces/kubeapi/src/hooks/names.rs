//! The forms that names must have, with upstream's sentences.
//!
//! Compat: `k8s.io/apimachinery/pkg/util/validation`.

use crate::FieldError;

const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const CONFIG_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

/// What is wrong with an RFC 1123 label (63 characters).
pub fn label(name: &str) -> Option<String> {
    if let Some(long) = too_long(name, 63) {
        return Some(long);
    }
    if name.contains('.') && name.split('.').all(is_label) {
        return Some("must not contain dots".into());
    }
    (!is_label(name)).then(|| LABEL.to_owned())
}

/// What is wrong with an RFC 1035 label (63 characters, a letter first).
pub fn label_1035(name: &str) -> Option<String> {
    let good = is_label(name) && name.starts_with(|c: char| c.is_ascii_lowercase());
    too_long(name, 63).or_else(|| (!good).then(|| LABEL_1035.to_owned()))
}

/// What is wrong with an RFC 1123 subdomain (253 characters).
pub fn subdomain(name: &str) -> Option<String> {
    too_long(name, 253).or_else(|| (!name.split('.').all(is_label)).then(|| SUBDOMAIN.to_owned()))
}

/// What is wrong with a key of a ConfigMap or Secret.
pub fn config_key(key: &str) -> Option<String> {
    let good = !key.is_empty()
        && key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if let Some(long) = too_long(key, 253) {
        return Some(long);
    }
    match key {
        "." => Some("must not be '.'".into()),
        ".." => Some("must not be '..'".into()),
        k if k.starts_with("..") => Some("must not start with '..'".into()),
        _ => (!good).then(|| CONFIG_KEY.to_owned()),
    }
}

/// Adds an error where a check has something to say.
pub fn check(errors: &mut Vec<FieldError>, field: &str, value: &str, said: Option<String>) {
    if let Some(said) = said {
        errors.push(FieldError::invalid(field, value, &said));
    }
}

fn is_label(name: &str) -> bool {
    let edge = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = name.as_bytes();
    bytes.first().is_some_and(edge)
        && bytes.last().is_some_and(edge)
        && bytes.iter().all(|b| edge(b) || *b == b'-')
}

fn too_long(name: &str, max: usize) -> Option<String> {
    (name.len() > max).then(|| format!("must be no more than {max} characters"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_apart() {
        assert_eq!(label("web-1"), None);
        assert!(label("Web").is_some() && label("-a").is_some() && label("").is_some());
        assert!(label_1035("1a").is_some() && label_1035("a1").is_none());
        assert_eq!(subdomain("a.b-c.d"), None);
        assert!(subdomain("a..b").is_some() && subdomain(&"a".repeat(254)).is_some());
        assert_eq!(config_key("A_b.c-d"), None);
        assert!(config_key("..x").is_some() && config_key("a/b").is_some());
    }
}
