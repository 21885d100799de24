//! Paths and the two ways that Argo CD matches them: Go's `path.Match` for directories, Git's
//! pathspecs for files.

/// `path.Base` of a relative path.
pub(crate) fn base(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    match trimmed.rsplit('/').next() {
        Some(name) if !name.is_empty() => name,
        _ if path.is_empty() => ".",
        _ => "/",
    }
}

/// `path.Dir` of a clean relative path.
pub(crate) fn dir(path: &str) -> &str {
    path.rsplit_once('/').map_or(".", |(dir, _)| dir)
}

/// The leading parts of a pattern that hold no wildcard: nothing outside of that path can match.
pub(crate) fn literal_prefix(pattern: &str) -> Option<Vec<&str>> {
    if pattern.starts_with('/') {
        return None;
    }
    let mut parts = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part if part.contains(['*', '?', '[', '\\']) => break,
            part => parts.push(part),
        }
    }
    Some(parts)
}

/// Go's `path.Match`: `*` and `?` stop at slashes, `[^a-z]` negates. `None` where the pattern is
/// malformed.
pub(crate) fn path_match(pattern: &str, name: &str) -> Option<bool> {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let tokens = go_tokens(&pattern)?;
    Some(matches(&tokens, &name, false))
}

/// Whether a Git pathspec takes a file in.
///
/// Compat: `git ls-files -- PATTERN`. A pattern is a file, a folder with all below it, or a glob
/// whose wildcards cross slashes.
pub(crate) fn pathspec_match(pattern: &str, path: &str) -> bool {
    let Some(pattern) = clean_pathspec(pattern) else {
        return false;
    };
    if pattern.is_empty() {
        return true;
    }
    if let Some(rest) = path.strip_prefix(pattern.as_str())
        && (rest.is_empty() || pattern.ends_with('/') || rest.starts_with('/'))
    {
        return true;
    }
    if !pattern.contains(['*', '?', '[', '\\']) {
        return false;
    }
    let pattern: Vec<char> = pattern.chars().collect();
    let path: Vec<char> = path.chars().collect();
    matches(&git_tokens(&pattern), &path, true)
}

/// The pattern without `.` and `..`; `None` where it leads out of the repository.
fn clean_pathspec(pattern: &str) -> Option<String> {
    if pattern.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    let slash = if pattern.ends_with('/') && !parts.is_empty() {
        "/"
    } else {
        ""
    };
    Some(parts.join("/") + slash)
}

enum Token {
    Any,
    One,
    Is(char),
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
    /// What nothing matches: a malformed class of a pathspec.
    Never,
}

impl Token {
    fn takes(&self, only: char, crosses: bool) -> bool {
        match self {
            Self::Is(wanted) => *wanted == only,
            Self::Never => false,
            _ if only == '/' && !crosses => false,
            Self::Any | Self::One => true,
            Self::Class { negated, ranges } => {
                ranges
                    .iter()
                    .any(|(low, high)| (*low..=*high).contains(&only))
                    != *negated
            }
        }
    }
}

/// Matches with one point to go back to: a star takes more only where all behind it failed.
fn matches(tokens: &[Token], text: &[char], crosses: bool) -> bool {
    let (mut token, mut at) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        match tokens.get(token) {
            Some(Token::Any) => {
                star = Some((token, at));
                token += 1;
                continue;
            }
            Some(wanted) if text.get(at).is_some_and(|c| wanted.takes(*c, crosses)) => {
                token += 1;
                at += 1;
                continue;
            }
            None if at == text.len() => return true,
            _ => {}
        }
        let Some((from, taken)) = star else {
            return false;
        };
        match text.get(taken) {
            Some(only) if Token::Any.takes(*only, crosses) => {
                star = Some((from, taken + 1));
                token = from + 1;
                at = taken + 1;
            }
            _ => return false,
        }
    }
}

fn go_tokens(pattern: &[char]) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < pattern.len() {
        let only = pattern[at];
        at += 1;
        tokens.push(match only {
            '*' => Token::Any,
            '?' => Token::One,
            '\\' => {
                at += 1;
                Token::Is(*pattern.get(at - 1)?)
            }
            '[' => {
                let negated = pattern.get(at) == Some(&'^');
                at += usize::from(negated);
                let mut ranges = Vec::new();
                while ranges.is_empty() || pattern.get(at) != Some(&']') {
                    let low = go_class_char(pattern, &mut at)?;
                    let mut high = low;
                    if pattern.get(at) == Some(&'-') {
                        at += 1;
                        high = go_class_char(pattern, &mut at)?;
                    }
                    ranges.push((low, high));
                }
                at += 1;
                Token::Class { negated, ranges }
            }
            other => Token::Is(other),
        });
    }
    Some(tokens)
}

fn go_class_char(pattern: &[char], at: &mut usize) -> Option<char> {
    let mut only = *pattern.get(*at)?;
    if matches!(only, '-' | ']') {
        return None;
    }
    if only == '\\' {
        *at += 1;
        only = *pattern.get(*at)?;
    }
    *at += 1;
    // A class must be closed.
    pattern.get(*at)?;
    Some(only)
}

fn git_tokens(pattern: &[char]) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < pattern.len() {
        let only = pattern[at];
        at += 1;
        tokens.push(match only {
            '*' => Token::Any,
            '?' => Token::One,
            '\\' => match pattern.get(at) {
                Some(escaped) => {
                    at += 1;
                    Token::Is(*escaped)
                }
                None => Token::Never,
            },
            '[' => match git_class(pattern, &mut at) {
                Some(class) => class,
                None => {
                    at = pattern.len();
                    Token::Never
                }
            },
            other => Token::Is(other),
        });
    }
    tokens
}

fn git_class(pattern: &[char], at: &mut usize) -> Option<Token> {
    let negated = matches!(pattern.get(*at), Some('!' | '^'));
    *at += usize::from(negated);
    let mut ranges = Vec::new();
    loop {
        let mut low = *pattern.get(*at)?;
        *at += 1;
        if low == ']' && !ranges.is_empty() {
            return Some(Token::Class { negated, ranges });
        }
        if low == '[' && pattern.get(*at) == Some(&':') {
            let end = (*at..pattern.len())
                .find(|i| pattern[*i] == ':' && pattern.get(i + 1) == Some(&']'))?;
            let name: String = pattern[*at + 1..end].iter().collect();
            ranges.extend_from_slice(posix_class(&name)?);
            *at = end + 2;
            continue;
        }
        if low == '\\' {
            low = *pattern.get(*at)?;
            *at += 1;
        }
        let mut high = low;
        if pattern.get(*at) == Some(&'-') && pattern.get(*at + 1).is_some_and(|c| *c != ']') {
            high = pattern[*at + 1];
            *at += 2;
            if high == '\\' {
                high = *pattern.get(*at)?;
                *at += 1;
            }
        }
        ranges.push((low, high));
    }
}

fn posix_class(name: &str) -> Option<&'static [(char, char)]> {
    Some(match name {
        "alnum" => &[('0', '9'), ('A', 'Z'), ('a', 'z')],
        "alpha" => &[('A', 'Z'), ('a', 'z')],
        "blank" => &[(' ', ' '), ('\t', '\t')],
        "cntrl" => &[('\0', '\x1f'), ('\x7f', '\x7f')],
        "digit" => &[('0', '9')],
        "graph" => &[('!', '~')],
        "lower" => &[('a', 'z')],
        "print" => &[(' ', '~')],
        "punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        "space" => &[(' ', ' '), ('\t', '\r')],
        "upper" => &[('A', 'Z')],
        "xdigit" => &[('0', '9'), ('A', 'F'), ('a', 'f')],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directory_globs_stop_at_slashes_and_double_star_is_single() {
        for (pattern, name, expected) in [
            ("apps/*", "apps/web", Some(true)),
            ("apps/*", "apps/web/deep", Some(false)),
            ("apps/**", "apps/web/deep", Some(false)),
            ("**", "apps", Some(true)),
            ("a?c", "a/c", Some(false)),
            ("[^a]b", "cb", Some(true)),
            ("[a-", "a", None),
            ("a\\*", "a*", Some(true)),
            ("*/*", "a/b", Some(true)),
            ("a*b*c", "aXbYbZc", Some(true)),
        ] {
            assert_eq!(path_match(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn file_globs_are_pathspecs() {
        for (pattern, path, expected) in [
            ("apps/*/config.yaml", "apps/web/config.yaml", true),
            ("apps/*/config.yaml", "apps/web/deep/config.yaml", true),
            ("deep/*.yaml", "deep/a/b.yaml", true),
            ("deep", "deep/a/b.yaml", true),
            ("deep", "deeper/a", false),
            ("deep/", "deep/a", true),
            ("./deep/a", "deep/a", true),
            ("../deep", "deep", false),
            ("/deep", "deep", false),
            ("*.json", ".hidden/x.json", true),
            ("[!a]*.yaml", "b/x.yaml", true),
            ("a[", "a[", true),
            ("", "anything", true),
            ("**/config.yaml", "config.yaml", false),
            ("**/config.yaml", "a/config.yaml", true),
        ] {
            assert_eq!(pathspec_match(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn literal_prefix_ends_before_the_first_wildcard() {
        assert_eq!(literal_prefix("apps/*/x"), Some(vec!["apps"]));
        assert_eq!(
            literal_prefix("./a/b/c.yaml"),
            Some(vec!["a", "b", "c.yaml"])
        );
        assert_eq!(literal_prefix("**/x"), Some(vec![]));
        assert_eq!(literal_prefix("../x"), None);
        assert_eq!(literal_prefix("/x"), None);
    }

    #[test]
    fn base_and_dir_are_those_of_go() {
        assert_eq!((base("a/b/c"), dir("a/b/c")), ("c", "a/b"));
        assert_eq!((base("c"), dir("c")), ("c", "."));
        assert_eq!(base("."), ".");
    }
}
