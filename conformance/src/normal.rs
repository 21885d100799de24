//! What may differ between two servers that answer alike: identities, times, addresses and
//! generated names become placeholders, and columns lose their padding.

use regex::{Captures, Regex};
use std::sync::LazyLock;

/// A pattern and what replaces it.
struct Rule(Regex, &'static str);

fn rule(pattern: &str, replacement: &'static str) -> Rule {
    Rule(
        Regex::new(pattern).expect("written here and tried by every run"),
        replacement,
    )
}

// Characters of generated names: no vowels, nothing that looks like another.
const GENERATED: &str = "[bcdfghjklmnpqrstvwxz2456789]";

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    vec![
        rule(
            r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
            "<uid>",
        ),
        rule(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+", "<jwt>"),
        rule(
            r#"(\\*"?(?:resourceVersion|ResourceVersion|Resource Version)\\*"?: *\\*"?)\d+"#,
            "${1}<rv>",
        ),
        rule(r"(ResourceVersion in record )\(\d+\)", "${1}(<rv>)"),
        rule(
            r"(Too large resource version: \d+, current: )\d+",
            "${1}<rv>",
        ),
        rule(r"X509SHA256=[0-9a-f]{64}", "X509SHA256=<digest>"),
        rule(
            r"-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----",
            "<certificate>",
        ),
        rule(r#"("serverAddress": ?")[^"]*"#, "${1}<server>"),
        rule(
            r"\b(?:192\.0\.2|198\.51\.100|203\.0\.113)\.\d+\b",
            "<load-balancer>",
        ),
        rule(
            r"(?m)^([IWE])\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ ",
            "${1} <time> ",
        ),
        rule(
            r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z| ?[+-]\d\d:?\d\d(?: UTC)?)?",
            "<time>",
        ),
        rule(
            r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}",
            "<time>",
        ),
        rule(
            r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}",
            "<time>",
        ),
        rule(
            r#"(?m)^(\s*)"\d+[smhd](?:\d+[smh])?"(,?)$"#,
            "${1}\"<age>\"${2}",
        ),
        rule(r"https://127\.0\.0\.1:\d+", "<server>"),
        rule(r"\b10\.96\.\d+\.\d+\b", "<cluster-ip>"),
        rule(r"\b10\.244\.\d+\.\d+\b", "<pod-ip>"),
        rule(
            r#"((?:nodePort|healthCheckNodePort)"?: ?)3\d{4}"#,
            "${1}<node-port>",
        ),
        rule(r"\b(\d+):3\d{4}/", "${1}:<node-port>/"),
        rule(
            r#"((?:pod-template-hash|controller-revision-hash)"?[:=] ?"?)[a-z0-9-]+"#,
            "${1}<hash>",
        ),
        rule(r"/tmp/(LIVE|MERGED)-\d+/", "/tmp/$1/"),
        rule(r"/tmp/[\w-]*kubectl-edit-[\w.-]+", "/tmp/<edited>"),
    ]
});

static AGES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(^|\s|\()(?:\d+d)?(?:\d+h)?(?:\d+m)?\d+(?:\.\d+)?(?:ms|s|m)(\s|\)|$)")
        .expect("a constant")
});

static TEMPLATED: LazyLock<Regex> = LazyLock::new(|| {
    // A hash of a pod template and the suffix of a pod's name.
    let pattern = format!(
        r"\b([a-z0-9](?:[-a-z0-9]*[a-z0-9])?)-({GENERATED}{{7,10}})(?:-({GENERATED}{{5}}))?\b"
    );
    Regex::new(&pattern).expect("a constant")
});

static SUFFIXED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(&format!(r"-{GENERATED}{{5}}\b")).expect("a constant"));

static PADDING: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(\S) {2,}").expect("a constant"));

/// Text without what may differ.
pub fn normal(text: &str) -> String {
    let mut text = text.replace('\r', "");
    for Rule(pattern, replacement) in &*RULES {
        text = pattern.replace_all(&text, *replacement).into_owned();
    }
    text = TEMPLATED
        .replace_all(&text, |found: &Captures| {
            let suffix = if found.get(3).is_some() {
                "-<suffix>"
            } else {
                ""
            };
            format!("{}-<hash>{suffix}", &found[1])
        })
        .into_owned();
    text = SUFFIXED.replace_all(&text, "-<suffix>").into_owned();
    let mut lines: Vec<String> = text.lines().map(line).collect();
    sort_faults(&mut lines);
    sort_managers(&mut lines);
    lines.join("\n")
}

/// Faults of an invalid object come in the order of Go's maps, which is none.
fn sort_faults(lines: &mut [String]) {
    for faults in lines.chunk_by_mut(|a, b| a.starts_with("* ") && b.starts_with("* ")) {
        faults.sort();
    }
}

/// Managers of one second stand in the order of their names, those of two in the order of time.
fn sort_managers(lines: &mut Vec<String>) {
    let indent = |line: &String| line.len() - line.trim_start().len();
    let mut at = 0;
    while at < lines.len() {
        at += 1;
        if lines[at - 1].trim() != "managedFields:" {
            continue;
        }
        let own = indent(&lines[at - 1]);
        let end = lines[at..]
            .iter()
            .position(|line| {
                indent(line) < own || indent(line) == own && !line.trim().starts_with('-')
            })
            .map_or(lines.len(), |length| at + length);
        let dash = format!("{}- ", " ".repeat(own));
        let mut entries: Vec<Vec<String>> = Vec::new();
        for line in lines.drain(at..end) {
            match entries.last_mut() {
                Some(entry) if !line.starts_with(&dash) => entry.push(line),
                _ => entries.push(vec![line]),
            }
        }
        entries.sort();
        let sorted: Vec<String> = entries.into_iter().flatten().collect();
        let length = sorted.len();
        lines.splice(at..at, sorted);
        at += length;
    }
}

fn line(line: &str) -> String {
    // Twice, because neighbours share the space between them.
    let once = AGES.replace_all(line, "${1}<age>${2}");
    let twice = AGES.replace_all(&once, "${1}<age>${2}");
    PADDING.replace_all(&twice, "$1  ").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn identities_become_placeholders() {
        let table = "NAME                   READY   AGE\nweb-5d4f8b6c7d-x7k2p   1/1     3m12s\n";
        assert_eq!(
            normal(table),
            "NAME  READY  AGE\nweb-<hash>-<suffix>  1/1  <age>"
        );
        let yaml = "  resourceVersion: \"123\"\n  uid: 0b0a2f4e-8d2c-4c6e-9b1f-3f1f6b1f8a11\n\
                    \x20 time: \"2026-01-02T03:04:05Z\"\n    keep:  two\n";
        assert_eq!(
            normal(yaml),
            "  resourceVersion: \"<rv>\"\n  uid: <uid>\n  time: \"<time>\"\n    keep:  two"
        );
    }

    #[test]
    fn names_and_numbers_of_ours_stay() {
        let text = "deployment.apps/web-server created 10.0.0.1 port 8080 replicas: 3";
        assert_eq!(normal(text), text);
    }
}
