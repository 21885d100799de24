//! `.helmignore`: which files of a folder are no part of the chart.

use crate::glob::path_match;

/// The rules of one file, in order, with Helm's own at the end.
#[derive(Debug)]
pub(crate) struct Rules(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    pattern: String,
    /// The pattern is matched against the name alone, not the path.
    by_name: bool,
    negated: bool,
    dirs_only: bool,
}

impl Rules {
    /// Reads the rules of a `.helmignore` (none at all: the empty text).
    ///
    /// # Errors
    /// `**`, and patterns that do not parse, in Helm's words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut rules = Vec::new();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for line in text.lines().chain(["templates/.?*"]) {
            rules.extend(Rule::parse(line)?);
        }
        Ok(Self(rules))
    }

    /// Whether the path is left out.
    pub fn ignores(&self, path: &str, is_dir: bool) -> bool {
        for rule in &self.0 {
            let hit = rule.hits(path);
            if rule.negated {
                if (rule.dirs_only && !is_dir) || !hit {
                    return true;
                }
            } else if hit && (is_dir || !rule.dirs_only) {
                return true;
            }
        }
        false
    }
}

impl Rule {
    fn parse(line: &str) -> Result<Option<Self>, String> {
        let rule = line.trim();
        if rule.is_empty() || rule.starts_with('#') {
            return Ok(None);
        }
        if rule.contains("**") {
            return Err("double-star (**) syntax is not supported".to_owned());
        }
        if path_match(rule, "abc").is_none() {
            return Err("syntax error in pattern".to_owned());
        }
        let (negated, rule) = rule
            .strip_prefix('!')
            .map_or((false, rule), |rest| (true, rest));
        let (dirs_only, rule) = rule
            .strip_suffix('/')
            .map_or((false, rule), |rest| (true, rest));
        let (rooted, rule) = rule
            .strip_prefix('/')
            .map_or((false, rule), |rest| (true, rest));
        let by_name = !rooted && !rule.contains('/');
        Ok(Some(Self {
            pattern: rule.to_owned(),
            by_name,
            negated,
            dirs_only,
        }))
    }

    fn hits(&self, path: &str) -> bool {
        let name = if self.by_name {
            path.rsplit('/').next().unwrap_or(path)
        } else {
            path
        };
        path_match(&self.pattern, name).unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_follow_helm() {
        let rules = Rules::parse("# no\n*.tmp\n/ci/\ndocs/*.md\n.git\n").expect("they parse");
        for (path, is_dir, ignored) in [
            ("a.tmp", false, true),
            ("x/a.tmp", false, true),
            ("ci", true, true),
            ("ci", false, false),
            ("x/ci", true, false),
            ("docs/a.md", false, true),
            ("docs/x/a.md", false, false),
            ("templates/.hidden", false, true),
            ("templates/a.yaml", false, false),
        ] {
            assert_eq!(rules.ignores(path, is_dir), ignored, "{path}");
        }
        assert!(Rules::parse("a/**").is_err());
    }

    #[test]
    fn negated_rule_leaves_out_all_else() {
        let rules = Rules::parse("!*.yaml").expect("it parses");
        assert!(rules.ignores("a.txt", false) && !rules.ignores("a.yaml", false));
    }
}
