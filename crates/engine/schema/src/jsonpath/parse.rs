//! Reading a template into actions.

use super::{JsonPathError, failed};
use argosy_object::Value;

/// Templates may be this long and nest this deeply.
const MAX_LENGTH: usize = 16 << 10;
const MAX_DEPTH: usize = 32;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Text(String),
    Literal(Value),
    Root,
    Current,
    Field(String),
    Wildcard,
    Recursive,
    Slice {
        start: Option<i64>,
        end: Option<i64>,
        step: Option<i64>,
    },
    Union(Vec<Vec<Node>>),
    Filter(Box<Filter>),
    Range(Vec<Node>),
    End,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Filter {
    pub left: Vec<Node>,
    pub operator: String,
    pub right: Vec<Node>,
}

type Parsed<T> = Result<T, JsonPathError>;

/// The actions of a template, text outside braces included.
pub(super) fn template(template: &str) -> Parsed<Vec<Vec<Node>>> {
    if template.len() > MAX_LENGTH {
        return failed("the template is too long");
    }
    let mut actions = Vec::new();
    let mut rest = template;
    loop {
        let Some(open) = rest.find('{') else {
            if !rest.is_empty() {
                actions.push(vec![Node::Text(rest.to_owned())]);
            }
            return Ok(actions);
        };
        if open > 0 {
            actions.push(vec![Node::Text(rest[..open].to_owned())]);
        }
        let inside = &rest[open + 1..];
        let Some(close) = closing(inside) else {
            return failed("unclosed action");
        };
        actions.extend(action(&inside[..close])?);
        rest = &inside[close + 1..];
    }
}

/// The brace that ends an action, quoted ones passed over.
fn closing(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '}') => return Some(at),
            _ => {}
        }
    }
    None
}

fn action(text: &str) -> Parsed<Vec<Vec<Node>>> {
    let text = text.trim();
    if text == "end" {
        return Ok(vec![vec![Node::End]]);
    }
    if let Some(path) = text
        .strip_prefix("range")
        .filter(|p| p.starts_with([' ', '.', '$', '@']))
    {
        return Ok(vec![vec![Node::Range(path_of(path.trim())?)]]);
    }
    if text.starts_with(['"', '\'']) {
        let mut reader = Reader {
            rest: text,
            depth: 0,
        };
        let literal = reader.quoted()?;
        return Ok(vec![vec![Node::Text(literal)]]);
    }
    Ok(vec![path_of(text)?])
}

fn path_of(text: &str) -> Parsed<Vec<Node>> {
    let mut reader = Reader {
        rest: text,
        depth: 0,
    };
    let nodes = reader.path()?;
    match reader.rest.trim() {
        "" => Ok(nodes),
        rest => failed(format!(
            "unrecognized character in action: {:?}",
            rest.chars().next()
        )),
    }
}

struct Reader<'t> {
    rest: &'t str,
    depth: usize,
}

impl<'t> Reader<'t> {
    fn take(&mut self, prefix: &str) -> bool {
        match self.rest.strip_prefix(prefix) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn path(&mut self) -> Parsed<Vec<Node>> {
        let mut nodes = Vec::new();
        if self.take("$") {
            nodes.push(Node::Root);
        } else if self.take("@") {
            nodes.push(Node::Current);
        } else if !self.rest.starts_with(['.', '[', '*']) && !self.rest.is_empty() {
            // kubectl takes a bare name for a field.
            let name = self.name();
            if name.is_empty() {
                return failed(format!(
                    "unrecognized character in action: {:?}",
                    self.rest.chars().next()
                ));
            }
            nodes.push(Node::Field(name));
        }
        loop {
            if self.take("..") {
                nodes.push(Node::Recursive);
                let name = self.name();
                if !name.is_empty() {
                    nodes.push(field(name));
                }
            } else if self.take(".") {
                let name = self.name();
                if !name.is_empty() {
                    nodes.push(field(name));
                }
            } else if self.take("*") {
                nodes.push(Node::Wildcard);
            } else if self.take("[") {
                nodes.push(self.brackets()?);
            } else {
                return Ok(nodes);
            }
        }
    }

    /// A field's name: up to the next step, backslashes taken as escapes.
    fn name(&mut self) -> String {
        let mut name = String::new();
        let mut chars = self.rest.char_indices();
        let mut end = self.rest.len();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => name.extend(chars.next().map(|(_, c)| c)),
                '.' | '[' | ']' | ')' | ' ' | ',' | '=' | '!' | '<' | '>' | '&' | '|' | '}' => {
                    end = at;
                    break;
                }
                c => name.push(c),
            }
        }
        self.rest = &self.rest[end..];
        name
    }

    fn quoted(&mut self) -> Parsed<String> {
        let mut chars = self.rest.char_indices();
        let Some((_, quote)) = chars.next() else {
            return failed("unterminated quoted string");
        };
        let mut text = String::new();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => match chars.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, 'r')) => text.push('\r'),
                    Some((_, c)) => text.push(c),
                    None => break,
                },
                c if c == quote => {
                    self.rest = &self.rest[at + c.len_utf8()..];
                    return Ok(text);
                }
                c => text.push(c),
            }
        }
        failed("unterminated quoted string")
    }

    /// What stands in brackets: an index, a slice, names, a union or a filter.
    fn brackets(&mut self) -> Parsed<Node> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return failed("the path nests too deeply");
        }
        self.blanks();
        if self.take("?(") {
            let filter = self.filter()?;
            self.depth -= 1;
            return Ok(Node::Filter(Box::new(filter)));
        }
        let mut branches = Vec::new();
        loop {
            self.blanks();
            branches.push(self.member()?);
            self.blanks();
            if self.take("]") {
                break;
            }
            if !self.take(",") {
                return failed("unterminated array");
            }
        }
        self.depth -= 1;
        match branches.len() {
            1 => Ok(branches.remove(0)),
            _ => Ok(Node::Union(
                branches.into_iter().map(|node| vec![node]).collect(),
            )),
        }
    }

    fn member(&mut self) -> Parsed<Node> {
        if self.rest.starts_with(['"', '\'']) {
            return self.quoted().map(Node::Field);
        }
        if self.take("*") {
            return Ok(Node::Wildcard);
        }
        let end = self.rest.find([']', ',']).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        let bad = || failed(format!("invalid array index {text}"));
        let number = |part: &str| -> Parsed<Option<i64>> {
            match part.trim() {
                "" => Ok(None),
                part => part
                    .parse()
                    .map(Some)
                    .or_else(|_| failed(format!("invalid array index {text}"))),
            }
        };
        let parts: Vec<&str> = text.split(':').collect();
        let node = match parts[..] {
            [one] => {
                let Some(index) = number(one)? else {
                    return bad();
                };
                Node::Slice {
                    start: Some(index),
                    end: Some(index + 1),
                    step: None,
                }
            }
            [start, end] => Node::Slice {
                start: number(start)?,
                end: number(end)?,
                step: None,
            },
            [start, end, step] => Node::Slice {
                start: number(start)?,
                end: number(end)?,
                step: number(step)?,
            },
            _ => return bad(),
        };
        self.rest = rest;
        Ok(node)
    }

    fn filter(&mut self) -> Parsed<Filter> {
        let left = self.operand()?;
        self.blanks();
        let operators = ["==", "!=", "<=", ">=", "<", ">"];
        let found = operators.into_iter().find(|operator| self.take(operator));
        let (operator, right) = match found {
            Some(operator) => (operator, self.operand()?),
            None => ("exists", Vec::new()),
        };
        self.blanks();
        if !self.take(")") {
            return failed("unterminated filter");
        }
        self.blanks();
        if !self.take("]") {
            return failed("unclosed array expect ]");
        }
        Ok(Filter {
            left,
            operator: operator.to_owned(),
            right,
        })
    }

    fn operand(&mut self) -> Parsed<Vec<Node>> {
        self.blanks();
        if self.rest.starts_with(['"', '\'']) {
            return Ok(vec![Node::Literal(Value::String(self.quoted()?))]);
        }
        if self
            .rest
            .starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+')
        {
            let end = self
                .rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c)))
                .unwrap_or(self.rest.len());
            let (text, rest) = self.rest.split_at(end);
            let Ok(value) = text.trim_start_matches('+').parse::<serde_json::Number>() else {
                return failed(format!("cannot parse number {text}"));
            };
            self.rest = rest;
            return Ok(vec![Node::Literal(Value::Number(value))]);
        }
        for (word, value) in [("true", true), ("false", false)] {
            if self.take(word) {
                return Ok(vec![Node::Literal(Value::Bool(value))]);
            }
        }
        self.path()
    }
}

fn field(name: String) -> Node {
    if name == "*" {
        Node::Wildcard
    } else {
        Node::Field(name)
    }
}
