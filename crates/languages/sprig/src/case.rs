//! Letter cases of words: `camelcase`, `snakecase`, `kebabcase`, `title`, `swapcase` and others.
//!
//! Compat: huandu/xstrings v1.5 and Masterminds/goutils v1.1, oddities included.

use crate::text::runes;
use crate::unicode as uni;

/// `xstrings.ToPascalCase`.
pub(crate) fn pascal(text: &[u8]) -> String {
    let text = runes(text);
    let mut out = String::new();
    let lead = text.iter().take_while(|c| is_connector(**c)).count();
    out.extend(&text[..lead]);
    let Some(first) = text.get(lead) else {
        return out;
    };
    let mut first_is_upper = uni::is_upper(*first);
    let mut current = uni::to_upper(*first);
    for next in &text[lead + 1..] {
        let previous = std::mem::replace(&mut current, *next);
        if is_connector(current) && is_connector(previous) {
            out.push(previous);
            continue;
        }
        if is_connector(previous) {
            first_is_upper = uni::is_upper(current);
            current = uni::to_upper(current);
        } else {
            if first_is_upper {
                if uni::is_upper(current) {
                    current = uni::to_lower(current);
                } else {
                    first_is_upper = false;
                }
            }
            out.push(previous);
        }
    }
    out.push(current);
    out
}

fn is_connector(only: char) -> bool {
    only == '-' || only == '_' || uni::is_space(only)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Invalid,
    Number,
    Upper,
    Letters,
    Connector,
    Punctuation,
    Other,
}

/// `xstrings.ToSnakeCase` and `ToKebabCase`.
pub(crate) fn joined(text: &[u8], connector: char) -> String {
    let text = runes(text);
    if text.is_empty() {
        return String::new();
    }
    Joiner {
        out: String::new(),
        connector,
    }
    .run(&text)
}

struct Joiner {
    out: String,
    connector: char,
}

impl Joiner {
    fn run(mut self, text: &[char]) -> String {
        let (mut kind, mut word, mut rest) = next_word(text);
        while !rest.is_empty() {
            if kind != Word::Connector {
                self.lower(kind, word);
            }
            let (previous, last) = (kind, word);
            (kind, word, rest) = next_word(rest);
            match previous {
                Word::Number => {
                    (kind, word, rest) = self.swallow(kind, word, rest);
                    let ends = matches!(kind, Word::Invalid | Word::Punctuation | Word::Connector);
                    self.connect(!ends);
                }
                Word::Connector => self.lower(previous, last),
                Word::Punctuation => {}
                _ if kind != Word::Number => {
                    self.connect(!matches!(kind, Word::Connector | Word::Punctuation));
                }
                _ if rest.is_empty() => {}
                _ => {
                    let number = word;
                    (kind, word, rest) = next_word(rest);
                    // A number belongs to the word before it, unless small letters follow.
                    if kind == Word::Letters {
                        self.connect(true);
                        self.lower(Word::Number, number);
                        (kind, word, rest) = self.swallow(kind, word, rest);
                        let ends =
                            matches!(kind, Word::Invalid | Word::Punctuation | Word::Connector);
                        self.connect(!ends);
                    } else {
                        self.lower(Word::Number, number);
                        self.connect(!matches!(kind, Word::Connector | Word::Punctuation));
                    }
                }
            }
        }
        self.lower(kind, word);
        self.out
    }

    /// Writes small letters and numbers as long as they follow each other.
    fn swallow<'t>(
        &mut self,
        mut kind: Word,
        mut word: &'t [char],
        mut rest: &'t [char],
    ) -> (Word, &'t [char], &'t [char]) {
        while matches!(kind, Word::Letters | Word::Number) {
            self.lower(kind, word);
            (kind, word, rest) = next_word(rest);
        }
        (kind, word, rest)
    }

    fn connect(&mut self, wanted: bool) {
        if wanted {
            self.out.push(self.connector);
        }
    }

    fn lower(&mut self, kind: Word, word: &[char]) {
        if !matches!(kind, Word::Upper | Word::Connector) {
            self.out.extend(word);
            return;
        }
        for only in word {
            self.out.push(match *only {
                only if is_connector(only) => self.connector,
                only if uni::is_upper(only) => uni::to_lower(only),
                only => only,
            });
        }
    }
}

/// Letters, less the Chinese characters.
fn is_alphabet(only: char) -> bool {
    uni::is_letter(only)
        && !matches!(only, '\u{4e00}'..='\u{9fcc}' | '\u{3400}'..='\u{4d85}' | '\u{20000}'..='\u{2b81d}')
}

/// Cuts the next word off: its kind, itself, and what follows.
fn next_word(text: &[char]) -> (Word, &[char], &[char]) {
    let Some(first) = text.first().copied() else {
        return (Word::Invalid, text, text);
    };
    let run = |holds: fn(char) -> bool| {
        1 + text[1..]
            .iter()
            .take_while(|c| **c == '\u{fffd}' || holds(**c))
            .count()
    };
    let (kind, len) = if first == '\u{fffd}' {
        let bad = text.iter().take_while(|c| **c == '\u{fffd}').count();
        (Word::Invalid, (bad + 1).min(text.len()))
    } else if is_connector(first) {
        (Word::Connector, run(is_connector))
    } else if uni::is_punct(first) {
        (Word::Punctuation, run(uni::is_punct))
    } else if uni::is_upper(first) {
        (Word::Upper, upper_word(text))
    } else if is_alphabet(first) {
        (Word::Letters, run(|c| is_alphabet(c) && !uni::is_upper(c)))
    } else if uni::is_number(first) {
        (Word::Number, run(uni::is_number))
    } else {
        let is_other = |c: char| {
            !is_connector(c) && !is_alphabet(c) && !uni::is_number(c) && !uni::is_punct(c)
        };
        (Word::Other, run(is_other))
    };
    let (word, rest) = text.split_at(len);
    (kind, word, rest)
}

/// `HTTPStatus` is `HTTP` and `Status`.
fn upper_word(text: &[char]) -> usize {
    match text.get(1) {
        Some(second) if uni::is_upper(*second) => {
            let upper = 2 + text[2..].iter().take_while(|c| uni::is_upper(**c)).count();
            let before_small = text.get(upper).is_some_and(|c| is_alphabet(*c));
            if before_small { upper - 1 } else { upper }
        }
        Some(second) if is_alphabet(*second) => {
            2 + text[2..]
                .iter()
                .take_while(|c| is_alphabet(**c) && !uni::is_upper(**c))
                .count()
        }
        _ => 1,
    }
}

/// `strings.Title`.
pub(crate) fn title(text: &[u8]) -> String {
    let mut previous = ' ';
    let mut out = String::new();
    for only in runes(text) {
        out.push(if is_separator(previous) {
            uni::to_title(only)
        } else {
            only
        });
        previous = only;
    }
    out
}

fn is_separator(only: char) -> bool {
    if only.is_ascii() {
        return !only.is_ascii_alphanumeric() && only != '_';
    }
    !uni::is_letter(only) && !uni::is_digit(only) && uni::is_space(only)
}

/// `goutils.SwapCase`.
pub(crate) fn swap(text: &[u8]) -> String {
    let mut after_space = true;
    let mut out = String::new();
    for only in runes(text) {
        if uni::is_upper(only) || uni::is_title(only) {
            out.push(uni::to_lower(only));
            after_space = false;
        } else if uni::is_lower(only) {
            out.push(if after_space {
                uni::to_title(only)
            } else {
                uni::to_upper(only)
            });
            after_space = false;
        } else {
            out.push(only);
            after_space = uni::is_space(only);
        }
    }
    out
}

/// `goutils.Uncapitalize`: the first letter of each word becomes small.
pub(crate) fn untitle(text: &[u8]) -> String {
    let mut next = true;
    let mut out = String::new();
    for only in runes(text) {
        let lowered = next && !uni::is_space(only);
        out.push(if lowered { uni::to_lower(only) } else { only });
        next = uni::is_space(only) || (next && !lowered);
    }
    out
}

/// `goutils.Initials`, which looks at bytes as if each were a character.
pub(crate) fn initials(text: &[u8]) -> String {
    let mut after_space = true;
    let mut out = String::new();
    for only in text.iter().copied().map(char::from) {
        if uni::is_space(only) {
            after_space = true;
        } else if std::mem::take(&mut after_space) {
            out.push(only);
        }
    }
    out
}

/// `goutils.DeleteWhiteSpace`, which looks at bytes as if each were a character.
pub(crate) fn without_space(text: &[u8]) -> Vec<u8> {
    if !text.iter().any(|byte| uni::is_space(char::from(*byte))) {
        return text.to_vec();
    }
    let kept = text
        .iter()
        .copied()
        .map(char::from)
        .filter(|c| !uni::is_space(*c));
    kept.collect::<String>().into_bytes()
}
