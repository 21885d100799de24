//! Names of releases.

/// The longest name.
const MAX_NAME: usize = 53;

const RULE: &str = "invalid release name, must match regex ^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.\
                    [a-z0-9]([-a-z0-9]*[a-z0-9])?)*$ and the length must not be longer than 53";

/// What is wrong with a release's name, in Helm's words.
pub fn name_fault(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("no name provided");
    }
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_label = |label: &str| {
        let bytes = label.as_bytes();
        matches!((bytes.first(), bytes.last()), (Some(first), Some(last)) if plain(*first) && plain(*last))
            && bytes.iter().all(|byte| plain(*byte) || *byte == b'-')
    };
    let is_right = name.len() <= MAX_NAME && name.split('.').all(is_label);
    (!is_right).then_some(RULE)
}

/// The name that `--generate-name` makes of a chart's place.
pub fn generated_name(chart: &str, seconds: i64) -> String {
    let base = chart.trim_end_matches('/').rsplit('/').next();
    let base = match base.unwrap_or_default() {
        "" | "." => "chart",
        base => base.split('.').next().unwrap_or_default(),
    };
    format!("{base}-{seconds}")
}

/// An expression that names are filtered by, in Go's dialect.
#[derive(Clone)]
pub struct NameFilter(argosy_sprig::regexp::Regexp);

impl NameFilter {
    /// Reads an expression.
    ///
    /// # Errors
    /// In Go's words.
    pub fn parse(expression: &str) -> Result<Self, String> {
        let compiled = argosy_sprig::regexp::Regexp::new(expression);
        compiled.map(Self).map_err(|error| error.to_string())
    }

    /// Whether a name matches.
    pub fn matches(&self, name: &str) -> bool {
        self.0.is_match(name.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dns_names_of_53_characters() {
        for name in ["a", "a-b.c9", &"x".repeat(53)] {
            assert_eq!(name_fault(name), None, "{name}");
        }
        for name in ["A", "-a", "a-", "a..b", "a_b", "a/b", &"x".repeat(54)] {
            assert_eq!(name_fault(name), Some(RULE), "{name}");
        }
        assert_eq!(name_fault(""), Some("no name provided"));
    }

    #[test]
    fn names_are_generated_from_the_last_part_of_a_path() {
        assert_eq!(generated_name("./charts/web-1.2.3.tgz", 7), "web-1-7");
        assert_eq!(generated_name("repo/web", 7), "web-7");
        assert_eq!(generated_name(".", 7), "chart-7");
        assert_eq!(generated_name("charts/web/", 7), "web-7");
    }
}
