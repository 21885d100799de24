//! Label and field selectors, as `k8s.io/apimachinery` reads them.

use crate::error::ApiError;
use argosy_object::Value;

/// A label selector; empty selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Missing,
    Greater(i64),
    Less(i64),
}

impl LabelSelector {
    /// Reads `a=b,c!=d,e in (f,g),!h,i`.
    ///
    /// # Errors
    /// 400 with what could not be read.
    pub fn parse(text: &str) -> Result<Self, ApiError> {
        let mut parser = Parser::new(text);
        let requirements = parser.requirements().map_err(ApiError::bad_request)?;
        Ok(Self(requirements))
    }

    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an object's labels fit.
    pub fn matches(&self, object: &Value) -> bool {
        let labels = object.pointer("/metadata/labels");
        self.0.iter().all(|requirement| {
            requirement.matches(
                labels
                    .and_then(|l| l.get(&requirement.key))
                    .and_then(Value::as_str),
            )
        })
    }
}

/// A piece of a label selector.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    /// `!`, `=`, `==`, `!=`, `>`, `<`, `(`, `)`, `,`, or characters that form no operator.
    Sign(String),
    In,
    NotIn,
    End,
}

impl Token {
    fn text(&self) -> &str {
        match self {
            Self::Word(text) | Self::Sign(text) => text,
            Self::In => "in",
            Self::NotIn => "notin",
            Self::End => "",
        }
    }
}

/// Reads label selectors.
///
/// Compat: `Parser` and `Lexer` of `k8s.io/apimachinery/pkg/labels`.
struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

fn is_special(character: char) -> bool {
    matches!(character, '=' | '!' | '(' | ')' | ',' | '>' | '<')
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start_matches(is_blank);
    while let Some(first) = rest.chars().next() {
        let (token, length) = if is_special(first) {
            let length = match rest.as_bytes() {
                [b'=', b'=', ..] | [b'!', b'=', ..] => 2,
                _ => 1,
            };
            (Token::Sign(rest[..length].to_owned()), length)
        } else {
            let ends = |c: char| is_special(c) || is_blank(c);
            let length = rest.find(ends).unwrap_or(rest.len());
            let token = match &rest[..length] {
                "in" => Token::In,
                "notin" => Token::NotIn,
                word => Token::Word(word.to_owned()),
            };
            (token, length)
        };
        tokens.push(token);
        rest = rest[length..].trim_start_matches(is_blank);
    }
    tokens.push(Token::End);
    tokens
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

impl Parser {
    fn new(text: &str) -> Self {
        Self {
            tokens: tokens(text),
            at: 0,
        }
    }

    fn peek(&self) -> &Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.peek(), Token::Sign(found) if found == sign)
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    /// The next token as a value: `in` and `notin` are words there.
    fn next_value(&mut self) -> Token {
        match self.next() {
            word @ (Token::In | Token::NotIn) => Token::Word(word.text().to_owned()),
            other => other,
        }
    }

    fn requirements(&mut self) -> Result<Vec<Requirement>, String> {
        let mut all = Vec::new();
        loop {
            match self.peek() {
                Token::End => return Ok(all),
                Token::Word(_) => {}
                Token::In | Token::NotIn => {}
                Token::Sign(sign) if sign == "!" => {}
                other => {
                    return Err(format!(
                        "found '{}', expected: !, identifier, or 'end of string'",
                        other.text()
                    ));
                }
            }
            let requirement = self
                .requirement()
                .map_err(|error| format!("unable to parse requirement: {error}"))?;
            all.push(requirement);
            match self.next() {
                Token::End => return Ok(all),
                Token::Sign(sign) if sign == "," => {
                    let goes_on = matches!(self.peek(), Token::Word(_) | Token::In | Token::NotIn)
                        || self.is_sign("!");
                    if !goes_on {
                        return Err(format!(
                            "found '{}', expected: identifier after ','",
                            self.peek().text()
                        ));
                    }
                }
                other => {
                    return Err(format!(
                        "found '{}', expected: ',' or 'end of string'",
                        other.text()
                    ));
                }
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let missing = self.is_sign("!");
        if missing {
            self.at += 1;
        }
        let key = match self.next_value() {
            Token::Word(key) => key,
            other => return Err(format!("found '{}', expected: identifier", other.text())),
        };
        check_key(&key)?;
        if missing {
            return Ok(Requirement {
                key,
                test: Test::Missing,
            });
        }
        let ends = matches!(self.peek(), Token::End) || self.is_sign(",");
        if ends {
            return Ok(Requirement {
                key,
                test: Test::Exists,
            });
        }
        let operator = self.next();
        let test = match &operator {
            Token::In => Test::In(self.set(&key)?),
            Token::NotIn => Test::NotIn(self.set(&key)?),
            Token::Sign(sign) => match sign.as_str() {
                "=" | "==" => Test::In(vec![check_value(&key, 0, &self.exact()?)?]),
                "!=" => Test::NotIn(vec![check_value(&key, 0, &self.exact()?)?]),
                ">" => Test::Greater(self.number(&key)?),
                "<" => Test::Less(self.number(&key)?),
                _ => return Err(unknown_operator(sign)),
            },
            other => return Err(unknown_operator(other.text())),
        };
        Ok(Requirement { key, test })
    }

    /// One value, which may be empty.
    fn exact(&mut self) -> Result<String, String> {
        if matches!(self.peek(), Token::End) || self.is_sign(",") {
            return Ok(String::new());
        }
        match self.next_value() {
            Token::Word(word) => Ok(word),
            other => Err(format!("found '{}', expected: identifier", other.text())),
        }
    }

    fn number(&mut self, key: &str) -> Result<i64, String> {
        let value = self.exact()?;
        value.parse().map_err(|_| {
            format!(
                "values[0][{key}]: Invalid value: \"{value}\": for 'Gt', 'Lt' operators, the value \
                 must be an integer"
            )
        })
    }

    fn set(&mut self, key: &str) -> Result<Vec<String>, String> {
        if !self.is_sign("(") {
            return Err(format!("found '{}' expected: '('", self.next().text()));
        }
        self.at += 1;
        let mut values = Vec::new();
        loop {
            match self.next_value() {
                Token::Word(word) => {
                    values.push(word);
                    match self.next() {
                        Token::Sign(sign) if sign == "," => {
                            // An empty value may stand at the end.
                            if self.is_sign(")") {
                                values.push(String::new());
                                self.at += 1;
                                break;
                            }
                        }
                        Token::Sign(sign) if sign == ")" => break,
                        other => {
                            return Err(format!("found '{}', expected: ',' or ')'", other.text()));
                        }
                    }
                }
                Token::Sign(sign) if sign == ")" => {
                    values.push(String::new());
                    break;
                }
                Token::Sign(sign) if sign == "," => values.push(String::new()),
                other => {
                    return Err(format!(
                        "found '{}', expected: ',', ')' or identifier",
                        other.text()
                    ));
                }
            }
        }
        values.sort();
        values.dedup();
        values
            .iter()
            .enumerate()
            .map(|(at, value)| check_value(key, at, value))
            .collect()
    }
}

fn unknown_operator(found: &str) -> String {
    format!("found '{found}', expected: in, notin, =, ==, !=, gt, lt")
}

fn check_key(key: &str) -> Result<(), String> {
    let faults = crate::rest::names::qualified(key);
    if faults.is_empty() {
        return Ok(());
    }
    // Compat: upstream calls a key of three parts a label key, and one part of it a name.
    let faults = faults
        .join("; ")
        .replacen("a qualified name must", "a valid label key must", 1);
    Err(format!(
        "<nil>: Invalid value: {}: {faults}",
        crate::auth::rule::go_quote(key)
    ))
}

impl Requirement {
    fn matches(&self, label: Option<&str>) -> bool {
        let has = |values: &[String]| label.is_some_and(|l| values.iter().any(|v| v == l));
        let number = || label.and_then(|l| l.parse::<i64>().ok());
        match &self.test {
            Test::In(values) => has(values),
            Test::NotIn(values) => !has(values),
            Test::Exists => label.is_some(),
            Test::Missing => label.is_none(),
            Test::Greater(bound) => number().is_some_and(|n| n > *bound),
            Test::Less(bound) => number().is_some_and(|n| n < *bound),
        }
    }
}

fn is_label_char(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.')
}

fn check_value(key: &str, at: usize, value: &str) -> Result<String, String> {
    let edge = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    let fits = value.len() <= 63
        && value.chars().all(is_label_char)
        && edge(value.chars().next())
        && edge(value.chars().last());
    if fits {
        return Ok(value.into());
    }
    if value.len() > 63 {
        return Err(format!(
            "values[{at}][{key}]: Invalid value: \"{value}\": must be no more than 63 bytes"
        ));
    }
    Err(format!(
        "values[{at}][{key}]: Invalid value: \"{value}\": a valid label must be an empty string or consist of \
         alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric \
         character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is \
         '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
    ))
}

/// A field selector; empty selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSelector(Vec<FieldTest>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct FieldTest {
    field: String,
    value: String,
    equal: bool,
}

impl FieldSelector {
    /// Reads `a=b,c!=d`; `\\`, `\,` and `\=` are escapes.
    ///
    /// # Errors
    /// 400 with upstream's sentence.
    pub fn parse(text: &str) -> Result<Self, ApiError> {
        let mut tests = Vec::new();
        for term in split_terms(text) {
            if term.is_empty() {
                continue;
            }
            let wrong = || {
                ApiError::bad_request(format!(
                    "invalid selector: '{text}'; can't understand '{term}'"
                ))
            };
            tests.push(FieldTest::parse(&term).ok_or_else(wrong)?);
        }
        Ok(Self(tests))
    }

    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields it names.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|test| test.field.as_str())
    }

    /// The value that `metadata.name` must have, where the selector demands one.
    pub fn exact_name(&self) -> Option<&str> {
        let test = self
            .0
            .iter()
            .find(|test| test.equal && test.field == "metadata.name")?;
        Some(&test.value)
    }

    /// Whether the fields, as `value_of` tells them, fit.
    pub fn matches(&self, value_of: impl Fn(&str) -> String) -> bool {
        self.0
            .iter()
            .all(|test| (value_of(&test.field) == test.value) == test.equal)
    }
}

impl FieldTest {
    fn parse(term: &str) -> Option<Self> {
        let at = term.find('=')?;
        let (left, right) = (&term[..at], &term[at + 1..]);
        let (field, equal) = match left.strip_suffix('!') {
            Some(field) => (field, false),
            None => (left, true),
        };
        let value = if equal {
            right.strip_prefix('=').unwrap_or(right)
        } else {
            right
        };
        Some(Self {
            field: field.trim().into(),
            value: unescape(value)?,
            equal,
        })
    }
}

/// Cuts at commas that no backslash escapes.
fn split_terms(text: &str) -> Vec<String> {
    let mut terms = vec![String::new()];
    let mut escaped = false;
    for character in text.chars() {
        if character == ',' && !escaped {
            terms.push(String::new());
            continue;
        }
        escaped = character == '\\' && !escaped;
        if let Some(term) = terms.last_mut() {
            term.push(character);
        }
    }
    terms
}

fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(next @ ('\\' | ',' | '=')) => out.push(next),
                _ => return None,
            },
            '=' | ',' => return None,
            other => out.push(other),
        }
    }
    Some(out)
}

/// The text at a dotted path: what a selectable field compares.
pub fn field_text(object: &Value, path: &str) -> String {
    let mut at = object;
    for step in path.split('.') {
        match at.get(step) {
            Some(next) => at = next,
            None => return String::new(),
        }
    }
    match at {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    fn selects(selector: &str, labels: &Value) -> bool {
        LabelSelector::parse(selector)
            .unwrap()
            .matches(&json!({"metadata": {"labels": labels}}))
    }

    #[test]
    fn label_requirements_are_joined() {
        let labels = json!({"app": "web", "tier": "1"});
        assert!(selects("app=web,tier in (1, 2),!gone", &labels));
        assert!(selects("app!=db,tier>0,other notin (a)", &labels));
        assert!(!selects("app,missing", &labels));
        assert!(selects("", &Value::Null));
        assert!(selects("app in (web,)", &labels));
    }

    #[test]
    fn broken_label_selectors_are_refused() {
        for broken in ["a b", "a in b", ",a", "a=b c", "=x", "a>b", "a=-"] {
            assert_eq!(
                LabelSelector::parse(broken).unwrap_err().code,
                400,
                "{broken}"
            );
        }
    }

    #[test]
    fn fields_compare_with_escapes() {
        let object = json!({"metadata": {"name": "a,b"}, "spec": {"x": true}});
        let fits = |text: &str| {
            FieldSelector::parse(text)
                .unwrap()
                .matches(|field| field_text(&object, field))
        };
        assert!(fits("metadata.name=a\\,b,spec.x==true"));
        assert!(fits("spec.gone=,spec.x!=false"));
        assert!(FieldSelector::parse("x").is_err());
    }
}
