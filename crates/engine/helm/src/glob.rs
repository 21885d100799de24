//! Go's `filepath.Match`, the language of `.helmignore`.

/// How much work one match may be: patterns and names come from the chart.
const MAX_STEPS: usize = 100_000;

/// `filepath.Match`: `*` and `?` stop at `/`, `[a-z]`, `[^a-z]`, backslash escapes. `None`: the
/// pattern is malformed.
pub(crate) fn path_match(pattern: &str, name: &str) -> Option<bool> {
    let pattern: Vec<char> = pattern.chars().collect();
    if !well_formed(&pattern) {
        return None;
    }
    let name: Vec<char> = name.chars().collect();
    let mut steps = MAX_STEPS;
    Some(matches(&pattern, &name, &mut steps))
}

fn well_formed(pattern: &[char]) -> bool {
    let mut at = 0;
    while at < pattern.len() {
        match pattern[at] {
            '\\' if at + 1 == pattern.len() => return false,
            '\\' => at += 2,
            '[' => match class(pattern, at) {
                Some((_, _, end)) => at = end,
                None => return false,
            },
            _ => at += 1,
        }
    }
    true
}

/// Reads a character class; returns whether it is negated, its ranges and where it ends.
fn class(pattern: &[char], start: usize) -> Option<(bool, Vec<(char, char)>, usize)> {
    let mut at = start + 1;
    let negated = pattern.get(at) == Some(&'^');
    at += usize::from(negated);
    let mut ranges = Vec::new();
    loop {
        if pattern.get(at) == Some(&']') && !ranges.is_empty() {
            return Some((negated, ranges, at + 1));
        }
        let low = class_char(pattern, &mut at)?;
        let mut high = low;
        if pattern.get(at) == Some(&'-') && pattern.get(at + 1) != Some(&']') {
            at += 1;
            high = class_char(pattern, &mut at)?;
        }
        ranges.push((low, high));
    }
}

fn class_char(pattern: &[char], at: &mut usize) -> Option<char> {
    let mut found = *pattern.get(*at)?;
    if matches!(found, '-' | ']') {
        return None;
    }
    if found == '\\' {
        *at += 1;
        found = *pattern.get(*at)?;
    }
    *at += 1;
    Some(found)
}

fn matches(pattern: &[char], name: &[char], steps: &mut usize) -> bool {
    let (mut at, mut here) = (0, 0);
    while at < pattern.len() {
        if *steps == 0 {
            return false;
        }
        *steps -= 1;
        match pattern[at] {
            '*' => {
                let stars = pattern[at..]
                    .iter()
                    .take_while(|unit| **unit == '*')
                    .count();
                let rest = &pattern[at + stars..];
                for end in here..=name.len() {
                    if matches(rest, &name[end..], steps) {
                        return true;
                    }
                    if *steps == 0 || name.get(end) == Some(&'/') {
                        return false;
                    }
                }
                return false;
            }
            '?' => {
                if name.get(here).is_none_or(|unit| *unit == '/') {
                    return false;
                }
                at += 1;
            }
            '[' => {
                let Some((negated, ranges, end)) = class(pattern, at) else {
                    return false;
                };
                let Some(unit) = name.get(here) else {
                    return false;
                };
                let found = ranges
                    .iter()
                    .any(|(low, high)| (low..=high).contains(&unit));
                if found == negated {
                    return false;
                }
                at = end;
            }
            unit => {
                let literal = if unit == '\\' && at + 1 < pattern.len() {
                    at += 1;
                    pattern[at]
                } else {
                    unit
                };
                if name.get(here) != Some(&literal) {
                    return false;
                }
                at += 1;
            }
        }
        here += 1;
    }
    here == name.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_go_does() {
        for (pattern, name, found) in [
            ("*.md", "a.md", Some(true)),
            ("*.md", "a/b.md", Some(false)),
            ("a/?.t[xy]t", "a/b.tyt", Some(true)),
            ("[^a]b", "cb", Some(true)),
            ("\\*", "*", Some(true)),
            ("[a", "a", None),
            ("[]a]", "]", None),
        ] {
            assert_eq!(path_match(pattern, name), found, "{pattern} {name}");
        }
    }

    #[test]
    fn hostile_pattern_ends() {
        assert_eq!(
            path_match(&"*a".repeat(200), &("a".repeat(3000) + "b")),
            Some(false)
        );
    }
}
