//! Text becomes tokens.

use crate::error::{JsonnetError, Loc};
use std::rc::Rc;

/// The kind of a token, with its text where it has one of its own.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// A name that is no keyword.
    Name(Rc<str>),
    Keyword(&'static str),
    Number(f64),
    Text(Rc<str>),
    /// `{`, `}`, `[`, `]`, `(`, `)`, `,`, `;`, `.` and every operator.
    Symbol(&'static str),
    End,
}

/// A token and where it begins.
#[derive(Clone, Debug)]
pub(crate) struct Lexeme {
    pub(crate) token: Token,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

const KEYWORDS: [&str; 18] = [
    "assert",
    "else",
    "error",
    "false",
    "for",
    "function",
    "if",
    "import",
    "importstr",
    "importbin",
    "in",
    "local",
    "null",
    "self",
    "super",
    "tailstrict",
    "then",
    "true",
];

const OPERATORS: [&str; 32] = [
    "$", "!", "!=", "%", "&", "&&", "*", "+", "+:", "+::", "+:::", "-", "/", ":", "::", ":::", "<",
    "<<", "<=", "=", "==", ">", ">=", ">>", "^", "|", "||", "~", "=>", "->", "%=", "+=",
];

/// Cuts a file into tokens.
pub(crate) fn tokens(file: &Rc<str>, source: &str) -> Result<Vec<Lexeme>, JsonnetError> {
    let mut lexer = Lexer {
        file,
        chars: source.chars().collect(),
        at: 0,
        line: 1,
        column: 1,
    };
    let mut all = Vec::new();
    loop {
        lexer.space()?;
        let (line, column) = (lexer.line, lexer.column);
        let token = lexer.token()?;
        let is_end = token == Token::End;
        all.push(Lexeme {
            token,
            line,
            column,
        });
        if is_end {
            return Ok(all);
        }
    }
}

struct Lexer<'a> {
    file: &'a Rc<str>,
    chars: Vec<char>,
    at: usize,
    line: u32,
    column: u32,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek(0)?;
        self.at += 1;
        if c == '\n' {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
        Some(c)
    }

    fn fail(&self, text: impl Into<String>) -> JsonnetError {
        JsonnetError::new(text).at(&Loc {
            file: self.file.clone(),
            line: self.line,
            column: self.column,
        })
    }

    /// Passes white space and comments.
    fn space(&mut self) -> Result<(), JsonnetError> {
        while let Some(c) = self.peek(0) {
            match (c, self.peek(1)) {
                (' ' | '\t' | '\r' | '\n', _) => {
                    self.next();
                }
                ('#', _) | ('/', Some('/')) => {
                    while self.peek(0).is_some_and(|c| c != '\n') {
                        self.next();
                    }
                }
                ('/', Some('*')) => {
                    let begin = self.fail("multi-line comment has no terminating */");
                    self.next();
                    self.next();
                    while (self.peek(0), self.peek(1)) != (Some('*'), Some('/')) {
                        if self.next().is_none() {
                            return Err(begin);
                        }
                    }
                    self.next();
                    self.next();
                }
                _ => break,
            }
        }
        Ok(())
    }

    fn token(&mut self) -> Result<Token, JsonnetError> {
        let Some(c) = self.peek(0) else {
            return Ok(Token::End);
        };
        let single = match c {
            '{' => "{",
            '}' => "}",
            '[' => "[",
            ']' => "]",
            '(' => "(",
            ')' => ")",
            ',' => ",",
            ';' => ";",
            '.' => ".",
            '$' => "$",
            '0'..='9' => return self.number(),
            '"' | '\'' => {
                self.next();
                return self.quoted(c);
            }
            '@' => {
                self.next();
                return match self.next() {
                    Some(quote @ ('"' | '\'')) => self.verbatim(quote),
                    _ => Err(self.fail("couldn't lex verbatim string, junk after '@'")),
                };
            }
            'a'..='z' | 'A'..='Z' | '_' => return Ok(self.name()),
            c if is_operator(c) => return self.operator(),
            other => {
                return Err(self.fail(format!("could not lex the character {other:?}")));
            }
        };
        self.next();
        Ok(Token::Symbol(single))
    }

    fn name(&mut self) -> Token {
        let mut name = String::new();
        while let Some(c) = self
            .peek(0)
            .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
        {
            name.push(c);
            self.next();
        }
        match KEYWORDS.iter().find(|keyword| **keyword == name) {
            Some(keyword) => Token::Keyword(keyword),
            None => Token::Name(name.into()),
        }
    }

    /// Compat: digits may be parted by single `_`, and a leading zero stands alone.
    fn number(&mut self) -> Result<Token, JsonnetError> {
        let mut text = String::new();
        if self.peek(0) == Some('0') {
            text.push('0');
            self.next();
            if self.peek(0).is_some_and(|c| c.is_ascii_digit()) {
                return Err(self.fail("couldn't lex number, junk after zero"));
            }
        } else {
            self.digits(&mut text)?;
        }
        if self.peek(0) == Some('.') {
            text.push('.');
            self.next();
            self.digits(&mut text)?;
        }
        if let Some('e' | 'E') = self.peek(0) {
            text.push('e');
            self.next();
            if let Some(sign @ ('+' | '-')) = self.peek(0) {
                text.push(sign);
                self.next();
            }
            self.digits(&mut text)?;
        }
        if let Some(c) = self
            .peek(0)
            .filter(|c| c.is_ascii_alphabetic() || *c == '_')
        {
            return Err(self.fail(format!("couldn't lex number, junk after it: {c:?}")));
        }
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Token::Number(value)),
            _ => Err(self.fail("overflow")),
        }
    }

    fn digits(&mut self, text: &mut String) -> Result<(), JsonnetError> {
        let mut was_digit = false;
        while let Some(c) = self.peek(0) {
            match c {
                '0'..='9' => text.push(c),
                '_' if was_digit && self.peek(1).is_some_and(|c| c.is_ascii_digit()) => {}
                _ => break,
            }
            was_digit = c != '_';
            self.next();
        }
        if was_digit {
            Ok(())
        } else {
            Err(self.fail("couldn't lex number, a digit is missing"))
        }
    }

    fn quoted(&mut self, quote: char) -> Result<Token, JsonnetError> {
        let begin = self.fail("unterminated string");
        let mut text = String::new();
        loop {
            match self.next() {
                None => return Err(begin),
                Some(c) if c == quote => return Ok(Token::Text(text.into())),
                Some('\\') => match self.next() {
                    None => return Err(begin),
                    Some(c @ ('"' | '\'' | '\\' | '/')) => text.push(c),
                    Some('b') => text.push('\u{8}'),
                    Some('f') => text.push('\u{c}'),
                    Some('n') => text.push('\n'),
                    Some('r') => text.push('\r'),
                    Some('t') => text.push('\t'),
                    Some('u') => text.push(self.unicode()?),
                    Some(c) => {
                        return Err(
                            self.fail(format!("unknown escape sequence in string literal: '{c}'"))
                        );
                    }
                },
                Some(c) => text.push(c),
            }
        }
    }

    /// Four hexadecimal digits, or two times four for what lies beyond.
    fn unicode(&mut self) -> Result<char, JsonnetError> {
        let first = self.hex()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first)
                .ok_or_else(|| self.fail("the low half of a surrogate pair stands alone"));
        }
        if (self.next(), self.next()) != (Some('\\'), Some('u')) {
            return Err(self.fail("the high half of a surrogate pair stands alone"));
        }
        let second = self.hex()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(self.fail("the high half of a surrogate pair stands alone"));
        }
        Ok(
            char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))
                .expect("both halves are in range"),
        )
    }

    fn hex(&mut self) -> Result<u32, JsonnetError> {
        let mut value = 0;
        for _ in 0..4 {
            let digit = self.next().and_then(|c| c.to_digit(16));
            let Some(digit) = digit else {
                return Err(self.fail("truncated unicode escape sequence in string literal"));
            };
            value = value * 16 + digit;
        }
        Ok(value)
    }

    /// `@"…"`, in which only the doubled quote stands for something else.
    fn verbatim(&mut self, quote: char) -> Result<Token, JsonnetError> {
        let begin = self.fail("unterminated string");
        let mut text = String::new();
        loop {
            match self.next() {
                None => return Err(begin),
                Some(c) if c == quote => {
                    if self.peek(0) != Some(quote) {
                        return Ok(Token::Text(text.into()));
                    }
                    self.next();
                    text.push(quote);
                }
                Some(c) => text.push(c),
            }
        }
    }

    /// The longest run of operator characters; a run of several does not end in a sign.
    fn operator(&mut self) -> Result<Token, JsonnetError> {
        /// No operator is longer, signs that follow apart.
        const MAX_RUN: usize = 16;
        let mut run: Vec<char> = Vec::new();
        while let Some(c) = self.peek(run.len()).filter(|c| is_operator(*c)) {
            if run.len() == MAX_RUN {
                break;
            }
            let following = (self.peek(run.len() + 1), self.peek(run.len() + 2));
            let is_comment = c == '/' && matches!(following.0, Some('/' | '*'));
            let is_block = c == '|' && following == (Some('|'), Some('|'));
            if is_block && run.is_empty() {
                return self.block();
            }
            if is_comment || is_block {
                break;
            }
            run.push(c);
        }
        while run.len() > 1 && matches!(run.last(), Some('+' | '-' | '~' | '!')) {
            run.pop();
        }
        let text: String = run.iter().collect();
        let known = OPERATORS.iter().find(|operator| **operator == text);
        let Some(operator) = known else {
            return Err(self.fail(format!("unknown operator: `{text}`")));
        };
        for _ in run {
            self.next();
        }
        Ok(Token::Symbol(operator))
    }

    /// A text block: lines with a common indentation between `|||` and `|||`.
    fn block(&mut self) -> Result<Token, JsonnetError> {
        let begin = self.fail("unexpected end of the text block");
        for _ in 0..3 {
            self.next();
        }
        let is_chomped = self.peek(0) == Some('-');
        if is_chomped {
            self.next();
        }
        while matches!(self.peek(0), Some(' ' | '\t' | '\r')) {
            self.next();
        }
        if self.next() != Some('\n') {
            return Err(self.fail("text block requires new line after |||"));
        }
        let mut text = String::new();
        self.empty_lines(&mut text);
        let indent: Vec<char> = self.chars[self.at..]
            .iter()
            .take_while(|c| matches!(c, ' ' | '\t'))
            .copied()
            .collect();
        if indent.is_empty() {
            return Err(self.fail("text block's first line must start with whitespace"));
        }
        while self.chars[self.at..].starts_with(&indent) {
            for _ in &indent {
                self.next();
            }
            loop {
                match self.next() {
                    None => return Err(begin),
                    Some('\n') => break,
                    Some(c) => text.push(c),
                }
            }
            text.push('\n');
            self.empty_lines(&mut text);
        }
        while matches!(self.peek(0), Some(' ' | '\t')) {
            self.next();
        }
        if (self.peek(0), self.peek(1), self.peek(2)) != (Some('|'), Some('|'), Some('|')) {
            return Err(self.fail("text block not terminated with |||"));
        }
        for _ in 0..3 {
            self.next();
        }
        if is_chomped {
            text.pop();
        }
        Ok(Token::Text(text.into()))
    }

    fn empty_lines(&mut self, text: &mut String) {
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some('\n'), _) => {
                    self.next();
                }
                (Some('\r'), Some('\n')) => {
                    self.next();
                    self.next();
                }
                _ => return,
            }
            text.push('\n');
        }
    }
}

fn is_operator(c: char) -> bool {
    matches!(
        c,
        '!' | '~' | '+' | '-' | '&' | '|' | '^' | '=' | '<' | '>' | '*' | '/' | '%' | ':'
    )
}
