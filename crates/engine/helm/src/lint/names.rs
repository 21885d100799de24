//! What names Kubernetes lets objects of a kind have, in its words.

/// What is wrong with an object's name.
///
/// Compat: the choice of rules by kind is that of `helm lint`.
pub(super) fn name_faults(kind: &str, name: &str) -> Vec<String> {
    match kind.to_lowercase().as_str() {
        "service" => checked(name, 63, is_service_label(name), SERVICE_LABEL),
        "namespace" => checked(name, 63, is_label(name), LABEL),
        "certificatesigningrequest" => Vec::new(),
        "role" | "clusterrole" | "rolebinding" | "clusterrolebinding" => path_segment(name),
        _ => checked(name, 253, name.split('.').all(is_label), SUBDOMAIN),
    }
}

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
                         characters, '-' or '.', and must start and end with an alphanumeric \
                         character (e.g. 'example.com', regex used for validation is \
                         '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters \
                     or '-', and must start and end with an alphanumeric character (e.g. \
                     'my-name',  or '123-abc', regex used for validation is \
                     '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SERVICE_LABEL: &str = "a DNS-1035 label must consist of lower case alphanumeric characters \
                             or '-', start with an alphabetic character, and end with an \
                             alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used \
                             for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

fn checked(name: &str, most: usize, is_right: bool, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if name.len() > most {
        faults.push(format!("must be no more than {most} bytes"));
    }
    if !is_right {
        faults.push(text.to_owned());
    }
    faults
}

fn is_label(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    let ends = bytes.first().zip(bytes.last());
    ends.is_some_and(|(first, last)| plain(*first) && plain(*last))
        && bytes.iter().all(|byte| plain(*byte) || *byte == b'-')
}

fn is_service_label(text: &str) -> bool {
    is_label(text) && text.starts_with(|first: char| first.is_ascii_lowercase())
}

fn path_segment(name: &str) -> Vec<String> {
    if matches!(name, "." | "..") {
        return vec![format!("may not be '{name}'")];
    }
    ["/", "%"]
        .iter()
        .filter(|mark| name.contains(**mark))
        .map(|mark| format!("may not contain '{mark}'"))
        .collect()
}
