//! The parser: Go's syntax in, regex-syntax' intermediate form out.

use super::RegexpError;
use super::class::{self, Set};
use regex_syntax::hir::{Capture, Class, ClassUnicode, Dot, Hir, Look, Repetition};

/// How deep groups may nest. Go allows 1000; the compiler behind us recurses.
const MAX_DEPTH: usize = 250;

/// How many copies nested repetitions may ask for.
const MAX_REPEAT: u32 = 1000;

const BAD_RANGE: &str = "invalid character class range";
const BAD_ESCAPE: &str = "invalid escape sequence";
const BAD_NAME: &str = "invalid named capture";
const BAD_PERL: &str = "invalid or unsupported Perl syntax";
const BAD_REPEAT: &str = "invalid nested repetition operator";
const BAD_COUNT: &str = "invalid repeat count";
const NO_BRACKET: &str = "missing closing ]";
const NO_PAREN: &str = "missing closing )";
const NO_ARGUMENT: &str = "missing argument to repetition operator";
const TRAILING: &str = "trailing backslash at end of expression";
const UNEXPECTED: &str = "unexpected )";
const TOO_DEEP: &str = "expression nests too deeply";

/// The names of groups, by their number.
pub(crate) type Names = Vec<(u32, Box<str>)>;

/// Parses an expression. The names of its groups come beside it: Go lets several have one, and
/// the matcher does not.
pub(crate) fn parse(expression: &str) -> Result<(Hir, Names), RegexpError> {
    let mut parser = Parser {
        whole: expression,
        rest: expression,
        flags: Flags::default(),
        groups: 0,
        names: Names::new(),
        last_repeat: None,
    };
    let mut stack = vec![Group::default()];
    while !parser.rest.is_empty() {
        parser.step(&mut stack)?;
    }
    if stack.len() != 1 {
        return Err(error(NO_PAREN, expression));
    }
    let hir = stack.pop().expect("one group is left").finish().hir;
    Ok((hir, parser.names))
}

fn error(code: &'static str, expression: &str) -> RegexpError {
    RegexpError {
        code,
        expression: expression.into(),
    }
}

#[derive(Clone, Copy, Default)]
struct Flags {
    fold: bool,
    multi_line: bool,
    dot_newline: bool,
    ungreedy: bool,
}

/// A piece of the expression, and how many copies of something its repetitions ask for.
struct Piece {
    hir: Hir,
    copies: u32,
}

/// An open parenthesis: what was read of it so far.
#[derive(Default)]
struct Group {
    capture: Option<u32>,
    outer: Flags,
    done: Vec<Piece>,
    current: Vec<Piece>,
}

impl Group {
    fn end_branch(&mut self) {
        let branch = std::mem::take(&mut self.current);
        let copies = branch.iter().map(|p| p.copies).max().unwrap_or(1);
        let hir = Hir::concat(branch.into_iter().map(|p| p.hir).collect());
        self.done.push(Piece { hir, copies });
    }

    fn finish(mut self) -> Piece {
        self.end_branch();
        let copies = self.done.iter().map(|p| p.copies).max().unwrap_or(1);
        let mut hir = Hir::alternation(self.done.into_iter().map(|p| p.hir).collect());
        if let Some(index) = self.capture {
            hir = Hir::capture(Capture {
                index,
                name: None,
                sub: Box::new(hir),
            });
        }
        Piece { hir, copies }
    }
}

struct Parser<'e> {
    whole: &'e str,
    rest: &'e str,
    flags: Flags,
    groups: u32,
    names: Names,
    /// Where the repetition operator began that was read just before.
    last_repeat: Option<&'e str>,
}

impl<'e> Parser<'e> {
    fn step(&mut self, stack: &mut Vec<Group>) -> Result<(), RegexpError> {
        let depth = stack.len();
        let group = stack
            .last_mut()
            .expect("the outermost group is never closed");
        let last_repeat = self.last_repeat.take();
        match self.rest.as_bytes()[0] {
            b'(' => {
                if depth > MAX_DEPTH {
                    return Err(error(TOO_DEEP, self.whole));
                }
                stack.extend(self.open()?);
            }
            b'|' => {
                group.end_branch();
                self.skip(1);
            }
            b')' => {
                if depth == 1 {
                    return Err(error(UNEXPECTED, self.whole));
                }
                let closed = stack.pop().expect("more than one group is open");
                self.flags = closed.outer;
                self.skip(1);
                let outer = stack.last_mut().expect("more than one group was open");
                outer.current.push(closed.finish());
            }
            b'*' => return self.repeat(group, (0, None), 1, last_repeat),
            b'+' => return self.repeat(group, (1, None), 1, last_repeat),
            b'?' => return self.repeat(group, (0, Some(1)), 1, last_repeat),
            b'{' => match counts(self.rest) {
                Some((min, max, len)) => {
                    let text = &self.rest[..len];
                    if min > MAX_REPEAT || max.is_some_and(|max| max > MAX_REPEAT || min > max) {
                        return Err(error(BAD_COUNT, text));
                    }
                    return self.repeat(group, (min, max), len, last_repeat);
                }
                None => {
                    self.skip(1);
                    group.current.push(self.literal('{'));
                }
            },
            b'\\' if self.rest.starts_with("\\Q") => self.quoted(group),
            _ => {
                let hir = self.atom()?;
                group.current.push(Piece { hir, copies: 1 });
            }
        }
        Ok(())
    }

    fn skip(&mut self, len: usize) {
        self.rest = &self.rest[len..];
    }

    fn next_char(&mut self) -> Option<char> {
        let next = self.rest.chars().next()?;
        self.skip(next.len_utf8());
        Some(next)
    }

    /// What lies between `start` and where we are.
    fn since(&self, start: &'e str) -> &'e str {
        &start[..start.len() - self.rest.len()]
    }

    fn literal(&self, only: char) -> Piece {
        Piece {
            hir: self.character(only),
            copies: 1,
        }
    }

    fn character(&self, only: char) -> Hir {
        if self.flags.fold {
            let mut set = Set::default();
            set.add(u32::from(only), u32::from(only));
            return Hir::class(Class::Unicode(set.class(true)));
        }
        let mut buffer = [0; 4];
        Hir::literal(only.encode_utf8(&mut buffer).as_bytes())
    }

    fn repeat(
        &mut self,
        group: &mut Group,
        (min, max): (u32, Option<u32>),
        len: usize,
        last_repeat: Option<&'e str>,
    ) -> Result<(), RegexpError> {
        let before = self.rest;
        self.skip(len);
        let mut greedy = !self.flags.ungreedy;
        if self.rest.starts_with('?') {
            self.skip(1);
            greedy = !greedy;
        }
        if let Some(last) = last_repeat {
            return Err(error(BAD_REPEAT, self.since(last)));
        }
        let Some(Piece { hir, copies }) = group.current.pop() else {
            return Err(error(NO_ARGUMENT, self.since(before)));
        };
        let is_counted = before.starts_with('{');
        let most = if is_counted {
            max.unwrap_or(min).max(1)
        } else {
            1
        };
        let copies = copies.saturating_mul(most);
        if is_counted && (min >= 2 || max.is_some_and(|m| m >= 2)) && copies > MAX_REPEAT {
            return Err(error(BAD_COUNT, self.since(before)));
        }
        let hir = Hir::repetition(Repetition {
            min,
            max,
            greedy,
            sub: Box::new(hir),
        });
        group.current.push(Piece {
            hir,
            copies: if max == Some(0) { 1 } else { copies },
        });
        self.last_repeat = Some(before);
        Ok(())
    }

    fn quoted(&mut self, group: &mut Group) {
        self.skip(2);
        let (text, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
        self.rest = rest;
        for only in text.chars() {
            group.current.push(self.literal(only));
        }
    }

    /// One character, class or assertion.
    fn atom(&mut self) -> Result<Hir, RegexpError> {
        let rest = self.rest;
        let (hir, len) = match rest.as_bytes()[0] {
            b'^' if self.flags.multi_line => (Hir::look(Look::StartLF), 1),
            b'^' => (Hir::look(Look::Start), 1),
            b'$' if self.flags.multi_line => (Hir::look(Look::EndLF), 1),
            b'$' => (Hir::look(Look::End), 1),
            b'.' if self.flags.dot_newline => (Hir::dot(Dot::AnyChar), 1),
            b'.' => (Hir::dot(Dot::AnyCharExceptLF), 1),
            b'[' => {
                return self
                    .bracket()
                    .map(|class| Hir::class(Class::Unicode(class)));
            }
            b'\\' => match rest.as_bytes().get(1) {
                Some(b'A') => (Hir::look(Look::Start), 2),
                Some(b'z') => (Hir::look(Look::End), 2),
                Some(b'b') => (Hir::look(Look::WordAscii), 2),
                Some(b'B') => (Hir::look(Look::WordAsciiNegate), 2),
                Some(b'C') => return Err(error(BAD_ESCAPE, "\\C")),
                _ => return self.escaped(),
            },
            _ => {
                let only = rest.chars().next().expect("the rest is not empty");
                (self.character(only), only.len_utf8())
            }
        };
        self.skip(len);
        Ok(hir)
    }

    fn escaped(&mut self) -> Result<Hir, RegexpError> {
        if let Some(class) = self.class_escape()? {
            return Ok(Hir::class(Class::Unicode(class)));
        }
        let code = self.escape()?;
        // A surrogate is legal to write and never matches.
        Ok(char::from_u32(code).map_or_else(Hir::fail, |only| self.character(only)))
    }

    /// `\d`, `\pN`, `\p{Greek}` and the like, where one stands here.
    fn class_escape(&mut self) -> Result<Option<ClassUnicode>, RegexpError> {
        let start = self.rest;
        let Some(letter) = start.strip_prefix('\\').and_then(|r| r.bytes().next()) else {
            return Ok(None);
        };
        if let Some(class) = class::perl(letter) {
            self.skip(2);
            return Ok(Some(self.folded(class)));
        }
        if !matches!(letter, b'p' | b'P') {
            return Ok(None);
        }
        self.skip(2);
        let name = if self.rest.starts_with('{') {
            let Some(end) = self.rest.find('}') else {
                return Err(error(BAD_RANGE, start));
            };
            let name = &self.rest[1..end];
            self.skip(end + 1);
            name
        } else {
            let before = self.rest;
            self.next_char();
            self.since(before)
        };
        let (negated, name) = name
            .strip_prefix('^')
            .map_or((false, name), |name| (true, name));
        let mut class = class::unicode(name).ok_or_else(|| error(BAD_RANGE, self.since(start)))?;
        class = self.folded(class);
        if negated != (letter == b'P') {
            class.negate();
        }
        Ok(Some(class))
    }

    fn folded(&self, mut class: ClassUnicode) -> ClassUnicode {
        if self.flags.fold {
            class.case_fold_simple();
        }
        class
    }

    /// An escaped character's code point.
    fn escape(&mut self) -> Result<u32, RegexpError> {
        let start = self.rest;
        self.skip(1);
        let Some(first) = self.next_char() else {
            return Err(error(TRAILING, ""));
        };
        let code = match first {
            '1'..='7' if !self.rest.starts_with(|c| matches!(c, '0'..='7')) => None,
            '0'..='7' => {
                let digits = self
                    .rest
                    .bytes()
                    .take(2)
                    .take_while(|b| matches!(b, b'0'..=b'7'))
                    .count();
                let text = &self.rest[..digits];
                self.skip(digits);
                let first = first.to_digit(8).unwrap_or(0);
                Some(
                    text.chars()
                        .fold(first, |code, c| code * 8 + c.to_digit(8).unwrap_or(0)),
                )
            }
            'x' => self.hexadecimal(),
            'a' => Some(7),
            'f' => Some(12),
            'n' => Some(10),
            'r' => Some(13),
            't' => Some(9),
            'v' => Some(11),
            other if other.is_ascii() && !other.is_ascii_alphanumeric() => Some(u32::from(other)),
            _ => None,
        };
        code.ok_or_else(|| error(BAD_ESCAPE, self.since(start)))
    }

    fn hexadecimal(&mut self) -> Option<u32> {
        let first = self.next_char()?;
        if first != '{' {
            let high = first.to_digit(16);
            let low = self.next_char().and_then(|c| c.to_digit(16));
            return Some(high? * 16 + low?);
        }
        let mut code = 0;
        let mut digits = 0;
        loop {
            match self.next_char()? {
                '}' if digits > 0 => return Some(code),
                other => code = code * 16 + other.to_digit(16)?,
            }
            if code > u32::from(char::MAX) {
                return None;
            }
            digits += 1;
        }
    }

    fn bracket(&mut self) -> Result<ClassUnicode, RegexpError> {
        let start = self.rest;
        self.skip(1);
        let negated = self.rest.starts_with('^');
        self.skip(usize::from(negated));
        let mut set = Set::default();
        let mut first = true;
        while first || !self.rest.starts_with(']') {
            first = false;
            if self.rest.starts_with("[:")
                && let Some(end) = self.rest[2..].find(":]")
            {
                let text = &self.rest[..end + 4];
                let class =
                    class::posix(&self.rest[2..end + 2]).ok_or_else(|| error(BAD_RANGE, text))?;
                set.add_class(&self.folded(class));
                self.skip(end + 4);
            } else if let Some(class) = self.class_escape()? {
                set.add_class(&class);
            } else {
                self.bracket_range(start, &mut set)?;
            }
        }
        self.skip(1);
        let mut class = set.class(false);
        if negated {
            class.negate();
        }
        Ok(class)
    }

    fn bracket_range(&mut self, start: &str, set: &mut Set) -> Result<(), RegexpError> {
        let range = self.rest;
        let low = self.bracket_char(start)?;
        let mut high = low;
        if self.rest.len() >= 2 && self.rest.starts_with('-') && !self.rest.starts_with("-]") {
            self.skip(1);
            high = self.bracket_char(start)?;
            if high < low {
                return Err(error(BAD_RANGE, self.since(range)));
            }
        }
        let mut one = Set::default();
        one.add(low, high);
        set.add_class(&one.class(self.flags.fold));
        Ok(())
    }

    fn bracket_char(&mut self, start: &str) -> Result<u32, RegexpError> {
        if self.rest.starts_with('\\') {
            return self.escape();
        }
        self.next_char()
            .map(u32::from)
            .ok_or_else(|| error(NO_BRACKET, start))
    }

    /// An opening parenthesis; `None` where it only set flags.
    fn open(&mut self) -> Result<Option<Group>, RegexpError> {
        let outer = self.flags;
        if !self.rest.starts_with("(?") {
            self.skip(1);
            return Ok(Some(self.capture(None)));
        }
        let is_p = self.rest.starts_with("(?P<") && self.rest.len() > 4;
        if is_p || (self.rest.starts_with("(?<") && self.rest.len() > 3) {
            let Some(end) = self.rest.find('>') else {
                return Err(error(BAD_NAME, self.rest));
            };
            let name = &self.rest[if is_p { 4 } else { 3 }..end];
            let is_word = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if name.is_empty() || !is_word {
                return Err(error(BAD_NAME, &self.rest[..=end]));
            }
            self.skip(end + 1);
            return Ok(Some(self.capture(Some(name.into()))));
        }
        let opens = self.set_flags()?;
        Ok(opens.then(|| Group {
            outer,
            ..Group::default()
        }))
    }

    fn capture(&mut self, name: Option<Box<str>>) -> Group {
        self.groups += 1;
        self.names.extend(name.map(|name| (self.groups, name)));
        Group {
            capture: Some(self.groups),
            outer: self.flags,
            ..Group::default()
        }
    }

    /// Reads `(?i-s)` or `(?i-s:`; whether a group opens.
    fn set_flags(&mut self) -> Result<bool, RegexpError> {
        let start = self.rest;
        self.skip(2);
        let mut flags = self.flags;
        let (mut on, mut saw_flag) = (true, false);
        while let Some(next) = self.next_char() {
            match next {
                'i' => flags.fold = on,
                'm' => flags.multi_line = on,
                's' => flags.dot_newline = on,
                'U' => flags.ungreedy = on,
                '-' if on => {
                    (on, saw_flag) = (false, false);
                    continue;
                }
                ':' | ')' if on || saw_flag => {
                    self.flags = flags;
                    return Ok(next == ':');
                }
                _ => break,
            }
            saw_flag = true;
        }
        Err(error(BAD_PERL, self.since(start)))
    }
}

/// Reads `{n}`, `{n,}` or `{n,m}`; anything else is no repetition but plain text.
fn counts(text: &str) -> Option<(u32, Option<u32>, usize)> {
    let (min, rest) = count(&text[1..])?;
    let (max, rest) = match rest.strip_prefix(',') {
        None => (Some(min), rest),
        Some(rest) if rest.starts_with('}') => (None, rest),
        Some(rest) => {
            let (max, rest) = count(rest)?;
            (Some(max), rest)
        }
    };
    let rest = rest.strip_prefix('}')?;
    Some((min, max, text.len() - rest.len()))
}

fn count(text: &str) -> Option<(u32, &str)> {
    let len = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(len);
    if digits.is_empty() || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    Some((digits.parse().unwrap_or(u32::MAX), rest))
}
