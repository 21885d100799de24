//! Finds functions and their lengths with a scanner that knows comments, texts and braces, which
//! spares the workspace a parser of Rust.

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The line of its `fn`.
    pub line: usize,
    /// Lines from there to its closing brace.
    pub lines: usize,
}

/// All functions of a file that have a body, in the order of their ends.
pub fn functions(text: &str) -> Vec<Function> {
    let mut found = Vec::new();
    // Functions whose body is open, with the depth of braces outside of it.
    let mut open: Vec<(String, usize, usize)> = Vec::new();
    // A signature that is not at its body yet, with the depth of its parentheses.
    let mut signature: Option<(String, usize, usize)> = None;
    let (mut depth, mut is_after_fn) = (0_usize, false);
    let mut scanner = Scanner {
        rest: text,
        line: 1,
    };
    while let Some((token, line)) = scanner.next() {
        match token {
            Token::Word("fn") => is_after_fn = true,
            Token::Word(name) if is_after_fn => {
                signature = Some((name.to_owned(), line, 0));
                is_after_fn = false;
            }
            Token::Word(_) => {}
            Token::Mark(mark) => {
                is_after_fn = false; // a type such as `fn(u8)`
                if let Some((_, _, nested)) = &mut signature {
                    match mark {
                        '(' | '[' => *nested += 1,
                        ')' | ']' => *nested = nested.saturating_sub(1),
                        ';' if *nested == 0 => signature = None, // no body
                        _ => {}
                    }
                }
                if mark == '{' {
                    if let Some((name, line, _)) = signature.take_if(|(_, _, nested)| *nested == 0)
                    {
                        open.push((name, line, depth));
                    }
                    depth += 1;
                } else if mark == '}' {
                    depth = depth.saturating_sub(1);
                    if let Some((name, begin, _)) = open.pop_if(|(_, _, outside)| *outside == depth)
                    {
                        found.push(Function {
                            name,
                            line: begin,
                            lines: line - begin + 1,
                        });
                    }
                }
            }
        }
    }
    found
}

enum Token<'t> {
    Word(&'t str),
    Mark(char),
}

struct Scanner<'t> {
    rest: &'t str,
    line: usize,
}

impl<'t> Scanner<'t> {
    /// The next word or mark outside of comments and texts, with its line.
    fn next(&mut self) -> Option<(Token<'t>, usize)> {
        loop {
            let first = self.rest.chars().next()?;
            if let Some(length) = skipped(self.rest) {
                self.take(length);
            } else if first.is_alphanumeric() || first == '_' {
                let end = |c: char| !(c.is_alphanumeric() || c == '_');
                let line = self.line;
                let length = self.rest.find(end).unwrap_or(self.rest.len());
                return Some((Token::Word(self.take(length)), line));
            } else {
                let line = self.line;
                self.take(first.len_utf8());
                if !first.is_whitespace() {
                    return Some((Token::Mark(first), line));
                }
            }
        }
    }

    fn take(&mut self, length: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(length);
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }
}

/// The length of a comment, text, character or lifetime that begins here.
fn skipped(text: &str) -> Option<usize> {
    let to_end = |found: Option<usize>| found.unwrap_or(text.len());
    if text.starts_with("//") {
        return Some(to_end(text.find('\n')));
    }
    if text.starts_with("/*") {
        return Some(block_comment(text));
    }
    let raw = text.strip_prefix("br").or_else(|| text.strip_prefix('r'));
    if let Some(after) = raw {
        let hashes = after.len() - after.trim_start_matches('#').len();
        if after[hashes..].starts_with('"') {
            let begin = text.len() - after.len() + hashes + 1;
            let close = format!("\"{}", "#".repeat(hashes));
            let found = text[begin..].find(&close);
            return Some(to_end(found.map(|at| begin + at + close.len())));
        }
    }
    if text.starts_with('"') {
        return Some(quoted(text, '"'));
    }
    if let Some(after) = text.strip_prefix('\'') {
        let mut chars = after.chars();
        let (first, second) = (chars.next(), chars.next());
        // `'a'` and `'\n'` are characters, `'a` a lifetime.
        if first == Some('\\') || second == Some('\'') {
            return Some(quoted(text, '\''));
        }
        return Some(1);
    }
    None
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

fn quoted(text: &str, mark: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if c == mark => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_in_texts_comments_and_signatures_do_not_confuse() {
        let text = r##"
impl A {
    fn one(&self, f: impl Fn(fn(u8) -> u8) -> [u8; 2]) -> &'static str {
        // a } in a comment /*
        let (a, b, c) = ('{', '\'', "}\"}");
        let d = r#"}"}"#; /* } /* } */ } */
        fn inner() {}
        match a { _ => "" }
    }
    fn none();
}
const fn last() -> [u8; { 1 }] {
    [0]
}
"##;
        let found = functions(text);
        let short: Vec<_> = found
            .iter()
            .map(|f| (f.name.as_str(), f.line, f.lines))
            .collect();
        assert_eq!(short, [("inner", 7, 1), ("one", 3, 7), ("last", 12, 3)]);
    }
}
