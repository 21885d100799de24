//! Checks of metadata that all kinds share.

use crate::catalog::Served;
use crate::error::FieldError;
use crate::meta;
use argosy_object::Value;

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
    characters, '-' or '.', and must start and end with an alphanumeric character (e.g. \
    'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters \
    or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', \
    regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const QUALIFIED: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and \
    must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or \
    '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric \
    characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. \
    'MyValue',  or 'my_value',  or '12345', regex used for validation is \
    '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/// All annotations of an object together.
const ANNOTATIONS_MAX: usize = 256 << 10;

/// The rule that names of a kind obey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NameRule {
    Subdomain,
    Label,
    /// Anything that may stand in a path.
    PathSegment,
}

fn rule(served: &Served) -> NameRule {
    match (served.group(), served.plural()) {
        ("rbac.authorization.k8s.io", _) => NameRule::PathSegment,
        ("", "namespaces" | "services") => NameRule::Label,
        _ => NameRule::Subdomain,
    }
}

/// Checks `metadata`.
pub(super) fn check_meta(served: &Served, object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    check_name(served, object, &mut errors);
    check_maps(object, &mut errors);
    for (index, finalizer) in meta::texts(object, "finalizers").into_iter().enumerate() {
        let field = format!("metadata.finalizers[{index}]");
        let bare = !finalizer.contains('/') && !STANDARD_FINALIZERS.contains(&finalizer);
        // Only kinds of the core server have the rule, not CRDs and what they define.
        if bare && !served.kind.is_custom() && served.group() != crate::crd::GROUP {
            let detail = "name is neither a standard finalizer name nor is it fully qualified";
            errors.push(FieldError::invalid(&field, finalizer, detail));
        }
        for detail in qualified(finalizer) {
            errors.push(FieldError::invalid(&field, finalizer, &detail));
        }
    }
    check_owners(object, &mut errors);
    errors
}

/// Finalizers of built-in kinds that need no prefix.
const STANDARD_FINALIZERS: [&str; 3] = ["kubernetes", "orphan", "foregroundDeletion"];

fn check_name(served: &Served, object: &Value, errors: &mut Vec<FieldError>) {
    let name = meta::text(object, "name");
    if name.is_empty() {
        let detail = "name or generateName is required";
        errors.push(FieldError::required("metadata.name", detail));
        return;
    }
    if let Some(detail) = name_fault(rule(served), name) {
        errors.push(FieldError::invalid("metadata.name", name, &detail));
    }
}

fn name_fault(rule: NameRule, name: &str) -> Option<String> {
    match rule {
        NameRule::PathSegment => {
            if matches!(name, "." | "..") {
                return Some(format!("may not be '{name}'"));
            }
            let bad = ['/', '%'].into_iter().find(|bad| name.contains(*bad));
            bad.map(|bad| format!("may not contain '{bad}'"))
        }
        NameRule::Label if name.len() > 63 => Some("must be no more than 63 characters".into()),
        NameRule::Label if name.contains('.') && name.split('.').all(is_dns_label) => {
            Some("must not contain dots".into())
        }
        NameRule::Label => (!is_dns_label(name)).then(|| LABEL.into()),
        NameRule::Subdomain if name.len() > 253 => {
            Some("must be no more than 253 characters".into())
        }
        NameRule::Subdomain => (!name.split('.').all(is_dns_label)).then(|| SUBDOMAIN.into()),
    }
}

fn is_dns_label(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.first().copied().is_some_and(fits)
        && bytes.last().copied().is_some_and(fits)
        && bytes.iter().all(|byte| fits(*byte) || *byte == b'-')
}

fn check_maps(object: &Value, errors: &mut Vec<FieldError>) {
    let map = |name: &str| {
        meta::field(object, name)
            .and_then(Value::as_object)
            .cloned()
    };
    for (key, value) in map("labels").unwrap_or_default() {
        for detail in qualified(&key) {
            errors.push(FieldError::invalid("metadata.labels", key.clone(), &detail));
        }
        let value = value.as_str().unwrap_or_default();
        if let Some(detail) = label_value(value) {
            errors.push(FieldError::invalid("metadata.labels", value, detail));
        }
    }
    let mut size = 0;
    for (key, value) in map("annotations").unwrap_or_default() {
        for detail in qualified(&key.to_lowercase()) {
            errors.push(FieldError::invalid(
                "metadata.annotations",
                key.clone(),
                &detail,
            ));
        }
        size += key.len() + value.as_str().map_or(0, str::len);
    }
    if size > ANNOTATIONS_MAX {
        errors.push(FieldError::too_long(
            "metadata.annotations",
            ANNOTATIONS_MAX,
        ));
    }
}

/// What is wrong with the value of a label.
pub(crate) fn label_value(value: &str) -> Option<&'static str> {
    if value.len() > 63 {
        return Some("must be no more than 63 bytes");
    }
    (!value.is_empty() && !is_name_part(value)).then_some(LABEL_VALUE)
}

fn is_name_part(text: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    edge(text.as_bytes().first())
        && edge(text.as_bytes().last())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// What is wrong with a qualified name (`PREFIX/NAME`).
pub(crate) fn qualified(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let (prefix, name) = match text.split('/').collect::<Vec<_>>().as_slice() {
        [name] => (None, *name),
        [prefix, name] => (Some(*prefix), *name),
        _ => {
            return vec![format!(
                "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and \
                 must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name', \
                 \u{20}or '123-abc', regex used for validation is \
                 '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain \
                 prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
    };
    match prefix {
        Some("") => faults.push("prefix part must be non-empty".into()),
        Some(prefix) => {
            if let Some(fault) = name_fault(NameRule::Subdomain, prefix) {
                faults.push(format!("prefix part {fault}"));
            }
        }
        None => {}
    }
    if name.is_empty() {
        faults.push("name part must be non-empty".into());
    } else if name.len() > 63 {
        faults.push("name part must be no more than 63 bytes".into());
    }
    if !is_name_part(name) {
        faults.push(QUALIFIED.into());
    }
    faults
}

fn check_owners(object: &Value, errors: &mut Vec<FieldError>) {
    let owners = meta::field(object, "ownerReferences").and_then(Value::as_array);
    let mut controllers = 0;
    for owner in owners.into_iter().flatten() {
        let field = "metadata.ownerReferences";
        let text = |name: &str| owner.get(name).and_then(Value::as_str).unwrap_or_default();
        if text("apiVersion").is_empty() {
            let detail = "version must not be empty";
            errors.push(FieldError::invalid(
                &format!("{field}.apiVersion"),
                "",
                detail,
            ));
        }
        for (name, detail) in [
            ("kind", "must not be empty"),
            ("name", "must not be empty"),
            ("uid", "must not be empty"),
        ] {
            if text(name).is_empty() {
                errors.push(FieldError::invalid(&format!("{field}.{name}"), "", detail));
            }
        }
        if owner.get("controller").and_then(Value::as_bool) == Some(true) {
            controllers += 1;
        }
    }
    if controllers > 1 {
        let all = meta::field(object, "ownerReferences")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let shown: Vec<String> = all.iter().map(owner_json).collect();
        let named: Vec<String> = all
            .iter()
            .filter(|owner| owner["controller"] == true)
            .take(2)
            .map(|owner| {
                let text = |name: &str| owner[name].as_str().unwrap_or_default();
                format!("{}/{}", text("kind"), text("name"))
            })
            .collect();
        let detail = format!(
            "Only one reference can have Controller set to true. Found \"true\" in references for \
             {}",
            named.join(" and ")
        );
        let shown = format!("[{}]", shown.join(","));
        errors.push(FieldError::invalid_as(
            "metadata.ownerReferences",
            &shown,
            &detail,
        ));
    }
}

/// An owner as Go writes it.
fn owner_json(owner: &Value) -> String {
    let fields = [
        "apiVersion",
        "kind",
        "name",
        "uid",
        "controller",
        "blockOwnerDeletion",
    ];
    let parts: Vec<String> = fields
        .iter()
        .filter_map(|field| Some(format!("\"{field}\":{}", owner.get(*field)?)))
        .collect();
    format!("{{{}}}", parts.join(","))
}

/// Checks what an update may not change.
pub(super) fn check_update(old: &Value, new: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for field in ["name", "namespace", "uid"] {
        let (before, after) = (meta::text(old, field), meta::text(new, field));
        if !after.is_empty() && before != after {
            let path = format!("metadata.{field}");
            errors.push(FieldError::invalid(&path, after, "field is immutable"));
        }
    }
    if meta::is_deleting(old) {
        let before = meta::texts(old, "finalizers");
        let added: Vec<&str> = meta::texts(new, "finalizers")
            .into_iter()
            .filter(|f| !before.contains(f))
            .collect();
        if !added.is_empty() {
            let shown: Vec<String> = added.iter().map(|f| format!("\"{f}\"")).collect();
            let detail = format!(
                "no new finalizers can be added if the object is being deleted, found new \
                 finalizers []string{{{}}}",
                shown.join(", ")
            );
            errors.push(FieldError::forbidden("metadata.finalizers", &detail));
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qualified_names_are_checked_in_both_parts() {
        assert!(qualified("example.com/My_Name.1").is_empty());
        assert!(qualified("app").is_empty());
        for broken in ["", "a/b/c", "/a", "a/", "-a", "Up.com/a"] {
            assert!(!qualified(broken).is_empty(), "{broken}");
        }
    }

    #[test]
    fn names_follow_the_rule_of_their_kind() {
        assert_eq!(name_fault(NameRule::Subdomain, "a.b-c.1"), None);
        assert!(name_fault(NameRule::Subdomain, "A").is_some());
        assert!(name_fault(NameRule::Label, "a.b").is_some());
        assert_eq!(name_fault(NameRule::PathSegment, "system:node"), None);
        assert!(name_fault(NameRule::PathSegment, "a/b").is_some());
    }
}
