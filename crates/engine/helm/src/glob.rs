//! The two glob languages of Helm: Go's `filepath.Match` (`.helmignore`) and gobwas/glob
//! (`.Files.Glob`).

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
    Some(matches(&pattern, &name, Dialect::Path, &mut steps))
}

/// gobwas/glob with `/` as separator: `*`, `**`, `?`, `[a-z]`, `[!a-z]`, `{a,b}`, backslash.
/// `None`: the pattern is malformed.
pub(crate) fn glob_match(pattern: &str, name: &str) -> Option<bool> {
    let alternatives = expand(&pattern.chars().collect::<Vec<_>>(), 0)?;
    let name: Vec<char> = name.chars().collect();
    let mut steps = MAX_STEPS;
    Some(alternatives.iter().any(|pattern| matches(pattern, &name, Dialect::Glob, &mut steps)))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Path,
    Glob,
}

fn well_formed(pattern: &[char]) -> bool {
    let mut at = 0;
    while at < pattern.len() {
        match pattern[at] {
            '\\' if at + 1 == pattern.len() => return false,
            '\\' => at += 2,
            '[' => match class(pattern, at, Dialect::Path) {
                Some((_, _, end)) => at = end,
                None => return false,
            },
            _ => at += 1,
        }
    }
    true
}

/// Reads a character class; returns whether it is negated, its ranges and where it ends.
fn class(
    pattern: &[char],
    start: usize,
    dialect: Dialect,
) -> Option<(bool, Vec<(char, char)>, usize)> {
    let mut at = start + 1;
    let not = if dialect == Dialect::Path { '^' } else { '!' };
    let negated = pattern.get(at) == Some(&not);
    at += usize::from(negated);
    let mut ranges = Vec::new();
    loop {
        if pattern.get(at) == Some(&']') && !ranges.is_empty() {
            return Some((negated, ranges, at + 1));
        }
        let low = class_char(pattern, &mut at, dialect)?;
        let mut high = low;
        if pattern.get(at) == Some(&'-') && pattern.get(at + 1) != Some(&']') {
            at += 1;
            high = class_char(pattern, &mut at, dialect)?;
        }
        ranges.push((low, high));
    }
}

fn class_char(pattern: &[char], at: &mut usize, dialect: Dialect) -> Option<char> {
    let mut found = *pattern.get(*at)?;
    if dialect == Dialect::Path && matches!(found, '-' | ']') {
        return None;
    }
    if found == '\\' {
        *at += 1;
        found = *pattern.get(*at)?;
    }
    *at += 1;
    Some(found)
}

fn matches(pattern: &[char], name: &[char], dialect: Dialect, steps: &mut usize) -> bool {
    let (mut at, mut here) = (0, 0);
    while at < pattern.len() {
        if *steps == 0 {
            return false;
        }
        *steps -= 1;
        match pattern[at] {
            '*' => {
                let stars = pattern[at..].iter().take_while(|unit| **unit == '*').count();
                let crosses = dialect == Dialect::Glob && stars > 1;
                let rest = &pattern[at + stars..];
                for end in here..=name.len() {
                    if matches(rest, &name[end..], dialect, steps) {
                        return true;
                    }
                    if *steps == 0 || (!crosses && name.get(end) == Some(&'/')) {
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
                let Some((negated, ranges, end)) = class(pattern, at, dialect) else {
                    return false;
                };
                let Some(unit) = name.get(here) else { return false };
                let found = ranges.iter().any(|(low, high)| (low..=high).contains(&unit));
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

/// At most this many patterns come out of the braces of one.
const MAX_ALTERNATIVES: usize = 1_000;

/// Writes out `{a,b}`. `None`: unbalanced braces, or too many alternatives.
fn expand(pattern: &[char], depth: usize) -> Option<Vec<Vec<char>>> {
    if depth > 20 {
        return None;
    }
    let mut at = 0;
    while at < pattern.len() {
        match pattern[at] {
            '\\' => at += 2,
            '}' => return None,
            '{' => break,
            _ => at += 1,
        }
    }
    if at >= pattern.len() {
        return Some(vec![pattern.to_vec()]);
    }
    let (mut level, mut end, mut start) = (0, at, at + 1);
    let mut options = Vec::new();
    loop {
        match pattern.get(end)? {
            '\\' => end += 1,
            '{' => level += 1,
            ',' if level == 1 => {
                options.push(&pattern[start..end]);
                start = end + 1;
            }
            '}' => {
                level -= 1;
                if level == 0 {
                    options.push(&pattern[start..end]);
                    break;
                }
            }
            _ => {}
        }
        end += 1;
    }
    let tails = expand(&pattern[end + 1..], depth + 1)?;
    let mut out = Vec::new();
    for option in options {
        for middle in expand(option, depth + 1)? {
            for tail in &tails {
                if out.len() >= MAX_ALTERNATIVES {
                    return None;
                }
                out.push([&pattern[..at], &middle, tail].concat());
            }
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_match_as_go_does() {
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
        for (pattern, name, found) in [
            ("**", "a/b/c", Some(true)),
            ("config/**.yaml", "config/x/y.yaml", Some(true)),
            ("config/*", "config/x/y", Some(false)),
            ("{a,b/*}.{x,y}", "b/c.y", Some(true)),
            ("[!a]", "b", Some(true)),
            ("{a", "a", None),
        ] {
            assert_eq!(glob_match(pattern, name), found, "{pattern} {name}");
        }
    }

    #[test]
    fn hostile_pattern_ends() {
        assert_eq!(glob_match(&"*a".repeat(200), &"a".repeat(3000)), Some(false));
        assert_eq!(glob_match(&"{a,b}".repeat(30), "x"), None);
    }
}
