//! Cuts template source into tokens, by the rules (and oddities) of Go's lexer.

use crate::quote::{is_print, quote};

/// What a token is. The order matters to nobody; keywords print as `<word>` in errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Error,
    Bool,
    /// Any other printable ASCII character, such as a comma.
    Char,
    CharConstant,
    Complex,
    Assign,
    Declare,
    Eof,
    Field,
    Identifier,
    LeftDelim,
    LeftParen,
    Number,
    Pipe,
    RawString,
    RightDelim,
    RightParen,
    Space,
    String,
    Text,
    Variable,
    Dot,
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Nil,
    Range,
    Template,
    With,
}

impl Kind {
    fn keyword(word: &str) -> Option<Self> {
        Some(match word {
            "block" => Self::Block,
            "break" => Self::Break,
            "continue" => Self::Continue,
            "define" => Self::Define,
            "else" => Self::Else,
            "end" => Self::End,
            "if" => Self::If,
            "range" => Self::Range,
            "nil" => Self::Nil,
            "template" => Self::Template,
            "with" => Self::With,
            _ => return None,
        })
    }

    fn is_keyword(self) -> bool {
        matches!(
            self,
            Self::Block
                | Self::Break
                | Self::Continue
                | Self::Dot
                | Self::Define
                | Self::Else
                | Self::End
                | Self::If
                | Self::Nil
                | Self::Range
                | Self::Template
                | Self::With
        )
    }
}

/// A token: a stretch of the source.
#[derive(Clone, Debug)]
pub(crate) struct Token<'s> {
    pub kind: Kind,
    pub pos: usize,
    pub text: &'s str,
    /// The message of an error token.
    pub error: Option<Box<str>>,
}

impl Token<'_> {
    /// How errors name the token.
    pub fn describe(&self) -> String {
        match self.kind {
            Kind::Eof => "EOF".to_owned(),
            Kind::Error => self.error.as_deref().unwrap_or_default().to_owned(),
            kind if kind.is_keyword() => format!("<{}>", self.text),
            _ if self.text.len() > 10 => {
                let head: String = self.text.chars().take(10).collect();
                format!("{}...", quote(&head))
            }
            _ => quote(self.text),
        }
    }
}

/// The scanner. After an error token only EOF follows.
pub(crate) struct Lexer<'s> {
    source: &'s str,
    left: &'s str,
    right: &'s str,
    pos: usize,
    start: usize,
    inside_action: bool,
    paren_depth: i32,
    dead: bool,
    pub break_is_keyword: bool,
    pub continue_is_keyword: bool,
}

const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

impl<'s> Lexer<'s> {
    pub fn new(source: &'s str, left: &'s str, right: &'s str) -> Self {
        Self {
            source,
            left,
            right,
            pos: 0,
            start: 0,
            inside_action: false,
            paren_depth: 0,
            dead: false,
            break_is_keyword: true,
            continue_is_keyword: true,
        }
    }

    /// The next token.
    pub fn next_token(&mut self) -> Token<'s> {
        if self.dead {
            return Token {
                kind: Kind::Eof,
                pos: 0,
                text: "",
                error: None,
            };
        }
        if self.inside_action {
            self.action()
        } else {
            self.text()
        }
    }

    fn rest(&self) -> &'s str {
        &self.source[self.pos..]
    }

    fn peek(&self) -> Option<char> {
        match self.source.as_bytes().get(self.pos) {
            Some(byte) if byte.is_ascii() => Some(char::from(*byte)),
            Some(_) => self.rest().chars().next(),
            None => None,
        }
    }

    fn bump(&mut self) -> Option<char> {
        let rune = self.peek()?;
        self.pos += rune.len_utf8();
        Some(rune)
    }

    fn emit(&mut self, kind: Kind) -> Token<'s> {
        let token = Token {
            kind,
            pos: self.start,
            text: &self.source[self.start..self.pos],
            error: None,
        };
        self.start = self.pos;
        token
    }

    fn fail(&mut self, message: impl Into<Box<str>>) -> Token<'s> {
        self.dead = true;
        let error = Some(message.into());
        Token {
            kind: Kind::Error,
            pos: self.start,
            text: "",
            error,
        }
    }

    fn text(&mut self) -> Token<'s> {
        loop {
            let Some(found) = find(self.rest(), self.left) else {
                self.pos = self.source.len();
                return self.emit(if self.pos > self.start {
                    Kind::Text
                } else {
                    Kind::Eof
                });
            };
            let delim = self.pos + found;
            let mut text = &self.source[self.start..delim];
            let after = &self.source[delim + self.left.len()..];
            if has_left_trim(after) {
                text = text.trim_end_matches(SPACES);
            }
            let token = Token {
                kind: Kind::Text,
                pos: self.start,
                text,
                error: None,
            };
            (self.start, self.pos) = (delim, delim);
            if !text.is_empty() {
                return token;
            }
            let marker = if has_left_trim(after) { 2 } else { 0 };
            if !after[marker..].starts_with("/*") {
                self.pos += self.left.len();
                let token = self.emit(Kind::LeftDelim);
                self.inside_action = true;
                self.paren_depth = 0;
                self.pos += marker;
                self.start = self.pos;
                return token;
            }
            self.pos += self.left.len() + marker;
            self.start = self.pos;
            if let Some(error) = self.comment() {
                return error;
            }
        }
    }

    /// Skips a comment with its closing delimiter and the space that a trim marker asks for.
    fn comment(&mut self) -> Option<Token<'s>> {
        self.pos += 2;
        let Some(end) = self.rest().find("*/") else {
            return Some(self.fail("unclosed comment"));
        };
        self.pos += end + 2;
        let Some(trim) = self.at_right_delim() else {
            return Some(self.fail("comment ends before closing delimiter"));
        };
        self.skip_right_delim(trim);
        None
    }

    fn skip_right_delim(&mut self, trim: bool) {
        self.pos += self.right.len() + if trim { 2 } else { 0 };
        if trim {
            let rest = self.rest();
            self.pos += rest.len() - rest.trim_start_matches(SPACES).len();
        }
        self.start = self.pos;
    }

    /// Whether a right delimiter is here, and whether it carries a trim marker.
    fn at_right_delim(&self) -> Option<bool> {
        let (rest, right) = (&self.source.as_bytes()[self.pos..], self.right.as_bytes());
        match rest {
            [b' ' | b'\t' | b'\r' | b'\n', b'-', after @ ..] if after.starts_with(right) => {
                Some(true)
            }
            _ => rest.starts_with(right).then_some(false),
        }
    }

    fn right_delim(&mut self, trim: bool) -> Token<'s> {
        if trim {
            self.pos += 2;
            self.start = self.pos;
        }
        let pos = self.pos;
        let text = &self.source[pos..pos + self.right.len()];
        if trim {
            self.pos -= 2;
        }
        self.skip_right_delim(trim);
        self.inside_action = false;
        Token {
            kind: Kind::RightDelim,
            pos,
            text,
            error: None,
        }
    }

    fn action(&mut self) -> Token<'s> {
        if let Some(trim) = self.at_right_delim() {
            if self.paren_depth == 0 {
                return self.right_delim(trim);
            }
            return self.fail("unclosed left paren");
        }
        let Some(rune) = self.peek() else {
            return self.fail("unclosed action");
        };
        if SPACES.contains(&rune) {
            return self.space();
        }
        self.pos += rune.len_utf8();
        match rune {
            '=' => self.emit(Kind::Assign),
            ':' => {
                if self.bump() == Some('=') {
                    self.emit(Kind::Declare)
                } else {
                    self.fail("expected :=")
                }
            }
            '|' => self.emit(Kind::Pipe),
            '"' => self.quoted('"', Kind::String, "unterminated quoted string"),
            '\'' => self.quoted('\'', Kind::CharConstant, "unterminated character constant"),
            '`' => self.raw_string(),
            '$' => self.name(Kind::Variable),
            '.' if self.peek().is_some_and(|next| !next.is_ascii_digit()) => self.name(Kind::Field),
            '.' | '+' | '-' | '0'..='9' => {
                self.pos = self.start;
                self.number()
            }
            '(' => {
                self.paren_depth += 1;
                self.emit(Kind::LeftParen)
            }
            ')' => {
                self.paren_depth -= 1;
                if self.paren_depth < 0 {
                    return self.fail("unexpected right paren");
                }
                self.emit(Kind::RightParen)
            }
            rune if is_alphanumeric(rune) => self.identifier(),
            rune if rune.is_ascii() && is_print(rune) => self.emit(Kind::Char),
            rune => {
                let text = format!("unrecognized character in action: {}", unicode(rune));
                self.fail(text)
            }
        }
    }

    /// A run of space; the last of it belongs to a trimming right delimiter if one follows.
    fn space(&mut self) -> Token<'s> {
        let rest = &self.source.as_bytes()[self.pos..];
        let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        let run = rest.iter().position(|byte| !is_space(byte));
        let count = run.unwrap_or(rest.len());
        self.pos += count;
        let tail = &self.source[self.pos - 1..];
        if has_right_trim(tail) && tail[2..].starts_with(self.right) {
            self.pos -= 1;
            if count == 1 {
                return self.right_delim(true);
            }
        }
        self.emit(Kind::Space)
    }

    fn identifier(&mut self) -> Token<'s> {
        self.skip_alphanumeric();
        if !self.at_terminator() {
            return self.bad_character();
        }
        let word = &self.source[self.start..self.pos];
        let kind = match (word, Kind::keyword(word)) {
            (_, Some(Kind::Break)) if !self.break_is_keyword => Kind::Identifier,
            (_, Some(Kind::Continue)) if !self.continue_is_keyword => Kind::Identifier,
            (_, Some(keyword)) => keyword,
            ("true" | "false", None) => Kind::Bool,
            _ => Kind::Identifier,
        };
        self.emit(kind)
    }

    fn skip_alphanumeric(&mut self) {
        loop {
            let rest = &self.source.as_bytes()[self.pos..];
            let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
            let run = rest.iter().position(|byte| !is_plain(byte));
            self.pos += run.unwrap_or(rest.len());
            if !self.peek().is_some_and(is_alphanumeric) {
                return;
            }
            self.bump();
        }
    }

    fn bad_character(&mut self) -> Token<'s> {
        let rune = self
            .peek()
            .map_or_else(|| "U+FFFFFFFFFFFFFFFF".to_owned(), unicode);
        self.fail(format!("bad character {rune}"))
    }

    /// A field or a variable, whose first character is behind.
    fn name(&mut self, kind: Kind) -> Token<'s> {
        if self.at_terminator() {
            return self.emit(if kind == Kind::Variable {
                kind
            } else {
                Kind::Dot
            });
        }
        self.skip_alphanumeric();
        if !self.at_terminator() {
            return self.bad_character();
        }
        self.emit(kind)
    }

    /// Whether what follows may come after an identifier.
    fn at_terminator(&self) -> bool {
        match self.peek() {
            None | Some(' ' | '\t' | '\r' | '\n' | '.' | ',' | '|' | ':' | ')' | '(') => true,
            Some(_) => self.rest().starts_with(self.right),
        }
    }

    fn quoted(&mut self, close: char, kind: Kind, message: &str) -> Token<'s> {
        loop {
            let rune = match self.bump() {
                Some('\\') => match self.bump() {
                    Some(escaped) if escaped != '\n' => continue,
                    _ => None,
                },
                rune => rune,
            };
            match rune {
                None | Some('\n') => return self.fail(message),
                Some(rune) if rune == close => return self.emit(kind),
                Some(_) => {}
            }
        }
    }

    fn raw_string(&mut self) -> Token<'s> {
        match self.rest().find('`') {
            Some(end) => {
                self.pos += end + 1;
                self.emit(Kind::RawString)
            }
            None => self.fail("unterminated raw quoted string"),
        }
    }

    fn number(&mut self) -> Token<'s> {
        let mut kind = Kind::Number;
        let mut good = self.scan_number();
        if good && matches!(self.peek(), Some('+' | '-')) {
            kind = Kind::Complex;
            good = self.scan_number() && self.source[..self.pos].ends_with('i');
        }
        if good {
            return self.emit(kind);
        }
        let text = quote(&self.source[self.start..self.pos]);
        self.fail(format!("bad number syntax: {text}"))
    }

    fn accept(&mut self, set: &str) -> bool {
        let found = self.peek().is_some_and(|rune| set.contains(rune));
        if found {
            self.pos += 1;
        }
        found
    }

    fn accept_run(&mut self, set: &str) {
        while self.accept(set) {}
    }

    fn scan_number(&mut self) -> bool {
        self.accept("+-");
        let (mut digits, mut exponent) = ("0123456789_", "eE");
        if self.accept("0") {
            if self.accept("xX") {
                (digits, exponent) = ("0123456789abcdefABCDEF_", "pP");
            } else if self.accept("oO") {
                (digits, exponent) = ("01234567_", "");
            } else if self.accept("bB") {
                (digits, exponent) = ("01_", "");
            }
        }
        self.accept_run(digits);
        if self.accept(".") {
            self.accept_run(digits);
        }
        if self.accept(exponent) {
            self.accept("+-");
            self.accept_run("0123456789_");
        }
        self.accept("i");
        if self.peek().is_some_and(is_alphanumeric) {
            self.bump();
            return false;
        }
        true
    }
}

/// Where a delimiter stands first.
fn find(text: &str, delimiter: &str) -> Option<usize> {
    let first = delimiter.chars().next()?;
    let mut from = 0;
    loop {
        let at = from + text[from..].find(first)?;
        if text[at..].starts_with(delimiter) {
            return Some(at);
        }
        from = at + first.len_utf8();
    }
}

fn has_left_trim(text: &str) -> bool {
    matches!(text.as_bytes(), [b'-', b' ' | b'\t' | b'\r' | b'\n', ..])
}

fn has_right_trim(text: &str) -> bool {
    matches!(text.as_bytes(), [b' ' | b'\t' | b'\r' | b'\n', b'-', ..])
}

fn is_alphanumeric(rune: char) -> bool {
    rune == '_' || rune.is_alphanumeric()
}

/// `%#U`
fn unicode(rune: char) -> String {
    let code = rune as u32;
    if is_print(rune) {
        format!("U+{code:04X} '{rune}'")
    } else {
        format!("U+{code:04X}")
    }
}
