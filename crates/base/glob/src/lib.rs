//! Glob patterns as gobwas/glob has them, which is what Argo CD and Helm match with.
#![warn(missing_docs)]

/// A compiled pattern: `*` is any text without a separator, `**` any text, `?` one character,
/// `[abc]`, `[!a-z]` and `{a,b}` as usual.
///
/// Compat: gobwas/glob. Matching takes at most pattern length × text length steps for each
/// alternative, and at most 1,024 alternatives are expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    alternatives: Vec<Vec<Token>>,
    separator: Option<char>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Char(char),
    One,
    Any,
    Super,
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

const MAX_ALTERNATIVES: usize = 1024;

impl Glob {
    /// Compiles `pattern`; `separator` is what a single `*` does not cross. A pattern that is
    /// not well formed matches only its own text.
    pub fn new(pattern: &str, separator: Option<char>) -> Self {
        let texts = expand(pattern).unwrap_or_else(|| vec![pattern.to_owned()]);
        let literal = |text: &str| text.chars().map(Token::Char).collect();
        let alternatives = texts
            .iter()
            .map(|t| tokens(t).unwrap_or_else(|| literal(t)))
            .collect();
        Self {
            alternatives,
            separator,
        }
    }

    /// Whether `text` matches.
    pub fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        self.alternatives
            .iter()
            .any(|tokens| run(tokens, &text, self.separator))
    }

    /// Whether `text` matches `pattern`, where no character is a separator.
    pub fn is_match(pattern: &str, text: &str) -> bool {
        pattern == "*" || pattern == text || Self::new(pattern, None).matches(text)
    }
}

/// Expands the outermost `{a,b}` groups, nested ones too.
fn expand(pattern: &str) -> Option<Vec<String>> {
    let mut done = Vec::new();
    let mut open = vec![pattern.to_owned()];
    while let Some(text) = open.pop() {
        match first_group(&text)? {
            None => done.push(text),
            Some((start, end, options)) => {
                for option in options {
                    open.push(format!("{}{option}{}", &text[..start], &text[end..]));
                }
            }
        }
        if done.len() + open.len() > MAX_ALTERNATIVES {
            return None;
        }
    }
    Some(done)
}

type Group = (usize, usize, Vec<String>);

fn first_group(text: &str) -> Option<Option<Group>> {
    let Some(start) = text.find('{') else {
        return Some(None);
    };
    let (mut depth, mut options, mut from) = (0, Vec::new(), start + 1);
    for (at, char) in text[start..].char_indices().map(|(i, c)| (i + start, c)) {
        match char {
            '{' => depth += 1,
            ',' if depth == 1 => {
                options.push(text[from..at].to_owned());
                from = at + 1;
            }
            '}' => {
                depth -= 1;
                if depth == 0 {
                    options.push(text[from..at].to_owned());
                    return Some(Some((start, at + 1, options)));
                }
            }
            _ => {}
        }
    }
    None
}

fn tokens(pattern: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(char) = chars.next() {
        tokens.push(match char {
            '*' if chars.next_if_eq(&'*').is_some() => Token::Super,
            '*' => Token::Any,
            '?' => Token::One,
            '\\' => Token::Char(chars.next()?),
            '[' => class(&mut chars)?,
            char => Token::Char(char),
        });
    }
    Some(tokens)
}

fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Token> {
    let negated = chars.next_if(|c| matches!(c, '!' | '^')).is_some();
    let mut ranges = Vec::new();
    loop {
        let from = match chars.next()? {
            ']' if !ranges.is_empty() => return Some(Token::Class { negated, ranges }),
            char => char,
        };
        if chars.next_if_eq(&'-').is_some() {
            ranges.push((from, chars.next()?));
        } else {
            ranges.push((from, from));
        }
    }
}

/// Which prefixes of the text each prefix of the pattern matches, one row a token.
fn run(tokens: &[Token], text: &[char], separator: Option<char>) -> bool {
    let mut reachable = vec![false; text.len() + 1];
    reachable[0] = true;
    for token in tokens {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            match token {
                Token::Any | Token::Super => {
                    let crosses = matches!(token, Token::Super);
                    let from_left =
                        at > 0 && next[at - 1] && (crosses || Some(text[at - 1]) != separator);
                    next[at] = reachable[at] || from_left;
                }
                one => {
                    next[at] = at > 0 && reachable[at - 1] && one.takes(text[at - 1], separator);
                }
            }
        }
        reachable = next;
    }
    reachable[text.len()]
}

impl Token {
    fn takes(&self, char: char, separator: Option<char>) -> bool {
        match self {
            Self::Char(own) => *own == char,
            Self::One => Some(char) != separator,
            Self::Class { negated, ranges } => {
                ranges
                    .iter()
                    .any(|(from, to)| (*from..=*to).contains(&char))
                    != *negated
            }
            Self::Any | Self::Super => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn star_stops_at_the_separator_and_double_star_does_not() {
        let glob = |pattern: &str, text: &str| Glob::new(pattern, Some('/')).matches(text);
        assert!(glob("https://git/org/*", "https://git/org/app"));
        assert!(!glob("https://git/org/*", "https://git/org/team/app"));
        assert!(glob("https://git/**", "https://git/org/team/app"));
        assert!(Glob::is_match("team-*", "team-a/b"));
    }

    #[test]
    fn groups_classes_and_broken_patterns() {
        assert!(Glob::is_match("{dev,prod}-[a-c]?", "prod-b1"));
        assert!(!Glob::is_match("{dev,prod}-[!a-c]?", "prod-b1"));
        assert!(Glob::is_match("[oops", "[oops") && !Glob::is_match("[oops", "o"));
        assert!(Glob::is_match("{a,{b,c}d}", "cd"));
    }

    #[test]
    fn long_hostile_pattern_ends_soon() {
        let pattern = "*a".repeat(200);
        assert!(!Glob::is_match(&pattern, &"a".repeat(150)));
        assert!(!Glob::is_match(&"{a,b}".repeat(64), "a"));
    }
}
