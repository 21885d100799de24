//! The language of `${…}` that Flux fills variables in with, to the letter.
//!
//! Compat: `github.com/fluxcd/pkg/envsubst` 1.9. A dollar before a dollar goes away, so `$${x}`
//! is `${x}` and nothing is looked up; a bare `$x` stays. Lengths and positions count bytes.

use crate::glob::Pattern;

/// Why variables cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubstituteError {
    /// A variable's name is none.
    #[error("'{0}' var name is invalid, must match '^[_[:alpha:]][_[:alpha:][:digit:]]*$'")]
    Name(String),
    /// The text cannot be read.
    #[error("variable substitution failed: {0}")]
    Text(&'static str),
    /// A variable is not there.
    #[error("variable substitution failed: variable not set (strict mode): {0:?}")]
    Missing(String),
    /// What came out is no YAML.
    #[error("YAMLToJSON: {0}")]
    Yaml(String),
    /// What came out is YAML, but no object.
    #[error("what the variables leave is no object with a kind and a name")]
    NotAnObject,
    /// The outcome would be too large, or take too long.
    #[error("variable substitution failed: {0}")]
    Limit(&'static str),
}

/// How deep substitutions may stand in each other.
const MAX_DEPTH: usize = 50;
/// The longest outcome.
const MAX_OUTPUT: usize = 64 << 20;
/// The longest value that a pattern is tried on: it is tried on each of its beginnings.
const MAX_TRIMMED: usize = 2048;
/// The longest pattern.
const MAX_PATTERN: usize = 128;

const BAD: SubstituteError = SubstituteError::Text("bad substitution");

/// What a variable's name stands for; nothing where it has to be there and is not.
pub(super) type Lookup<'v> = dyn Fn(&str) -> Option<&'v str> + 'v;

/// Fills in all variables of a text. That the text is broken is said before what is missing.
pub(super) fn expand(text: &str, lookup: &Lookup<'_>) -> Result<Vec<u8>, SubstituteError> {
    match expand_once(text, lookup) {
        Err(missing @ SubstituteError::Missing(_)) => {
            expand_once(text, &|_| Some("")).and(Err(missing))
        }
        other => other,
    }
}

fn expand_once(text: &str, lookup: &Lookup<'_>) -> Result<Vec<u8>, SubstituteError> {
    let mut reader = Reader {
        text: text.chars().collect(),
        at: 0,
        lookup,
    };
    let mut out = Vec::with_capacity(text.len());
    while let Some(c) = reader.next() {
        match (c, reader.peek()) {
            ('$', Some('{')) => {
                reader.next();
                out.extend(reader.function(0)?);
            }
            ('$', Some('$')) => {
                reader.next();
                out.push(b'$');
            }
            _ => push(&mut out, c),
        }
        if out.len() > MAX_OUTPUT {
            return Err(SubstituteError::Limit("the outcome is too large"));
        }
    }
    Ok(out)
}

fn push(out: &mut Vec<u8>, c: char) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// The rest of the text.
struct Reader<'r, 'v> {
    text: Vec<char>,
    at: usize,
    lookup: &'r Lookup<'v>,
}

impl Reader<'_, '_> {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied().filter(|c| *c != '\0')
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += 1;
        Some(next)
    }

    fn eat(&mut self, wanted: char) -> bool {
        let eaten = self.peek() == Some(wanted);
        self.at += usize::from(eaten);
        eaten
    }

    fn close(&mut self) -> Result<(), SubstituteError> {
        if self.eat('}') { Ok(()) } else { Err(BAD) }
    }

    fn name(&mut self) -> String {
        let from = self.at;
        while self
            .peek()
            .is_some_and(|c| c.is_alphabetic() || c.is_numeric() || c == '_')
        {
            self.at += 1;
        }
        self.text[from..self.at].iter().collect()
    }

    /// What stands behind `${`.
    fn function(&mut self, depth: usize) -> Result<Vec<u8>, SubstituteError> {
        if depth > MAX_DEPTH {
            return Err(SubstituteError::Limit("substitutions are nested too deep"));
        }
        if self.eat('#') {
            let name = self.name();
            if name.is_empty() {
                return Err(BAD);
            }
            self.close()?;
            return Ok(self.value(&name)?.len().to_string().into_bytes());
        }
        let name = self.name();
        if name.is_empty() {
            return Err(SubstituteError::Text("unable to parse variable name"));
        }
        match self.peek() {
            // Upstream loses its place before a letter of several bytes.
            Some(':') if self.text.get(self.at + 1).is_some_and(|c| !c.is_ascii()) => Err(BAD),
            Some(':') if !matches!(self.text.get(self.at + 1), Some('=' | '-' | '?' | '+')) => {
                self.substring(&name, depth)
            }
            Some(':' | '=') => self.default(&name, depth),
            Some(',' | '^') => self.casing(&name),
            Some('/') => self.replace(&name, depth),
            Some(mark @ ('#' | '%')) => self.remove(&name, mark, depth),
            _ if self.eat('}') => Ok(self.value(&name)?.as_bytes().to_vec()),
            _ => Err(SubstituteError::Text("missing closing brace")),
        }
    }

    fn value(&self, name: &str) -> Result<&str, SubstituteError> {
        (self.lookup)(name).ok_or_else(|| SubstituteError::Missing(name.to_owned()))
    }

    /// One argument: a substitution, or text up to what `ends` it. With `escapes`, a backslash
    /// before a slash or a backslash goes away, as does a dollar before a dollar.
    fn argument(
        &mut self,
        ends: fn(char) -> bool,
        escapes: bool,
        depth: usize,
    ) -> Result<Vec<u8>, SubstituteError> {
        let mut out = Vec::new();
        let starts_function =
            |reader: &Self, c: char| c == '$' && reader.text.get(reader.at + 1) == Some(&'{');
        let from = self.at;
        while let Some(c) = self.peek() {
            if starts_function(self, c) {
                if self.at == from {
                    self.at += 2;
                    return self.function(depth + 1);
                }
                break;
            }
            let escaped = match (c, self.text.get(self.at + 1)) {
                ('$', Some('$')) | ('\\', Some('/' | '\\')) => escapes,
                _ => false,
            };
            if escaped {
                push(&mut out, self.text[self.at + 1]);
                self.at += 2;
                continue;
            }
            if ends(c) {
                break;
            }
            push(&mut out, c);
            self.at += 1;
        }
        if self.at == from {
            return Err(SubstituteError::Text(
                "unable to parse substitution within function",
            ));
        }
        Ok(out)
    }

    fn default(&mut self, name: &str, depth: usize) -> Result<Vec<u8>, SubstituteError> {
        self.at += if self.peek() == Some(':') { 2 } else { 1 };
        let mut other = Vec::new();
        while self.peek() != Some('}') {
            other.extend(self.argument(|c| c == '}', false, depth)?);
        }
        self.close()?;
        let value = (self.lookup)(name).unwrap_or("");
        Ok(if value.is_empty() {
            other
        } else {
            value.as_bytes().to_vec()
        })
    }

    fn substring(&mut self, name: &str, depth: usize) -> Result<Vec<u8>, SubstituteError> {
        self.at += 1;
        let position = self.argument(|c| c == ':' || c == '}', false, depth)?;
        let mut length = None;
        if !self.eat('}') {
            if !self.eat(':') {
                return Err(BAD);
            }
            while self.eat(':') {}
            length = Some(self.argument(|c| c == '}', false, depth)?);
            self.close()?;
        }
        let value = self.value(name)?.as_bytes();
        Ok(part(value, &position, length.as_deref()).to_vec())
    }

    fn casing(&mut self, name: &str) -> Result<Vec<u8>, SubstituteError> {
        let Some(first) = self.next() else {
            return Err(BAD);
        };
        let second = self.peek().filter(|c| *c == ',' || *c == '^');
        self.at += usize::from(second.is_some());
        self.close()?;
        let value = self.value(name)?;
        let upper = first == '^';
        Ok(match second {
            Some(second) if second == first => value.chars().map(|c| one_case(c, upper)).collect(),
            // Two marks that are not the same are none.
            Some(_) => value.to_owned(),
            None => {
                let mut rest = value.chars();
                let first = rest.next().map(|c| one_case(c, upper));
                first.into_iter().chain(rest).collect()
            }
        }
        .into_bytes())
    }

    fn replace(&mut self, name: &str, depth: usize) -> Result<Vec<u8>, SubstituteError> {
        self.at += 1;
        let mark = self.peek().filter(|c| matches!(c, '/' | '#' | '%'));
        self.at += usize::from(mark.is_some());
        let old = self.argument(|c| c == '/', true, depth)?;
        if !self.eat('/') {
            return Err(BAD);
        }
        while self.eat('/') {}
        let mut new = None;
        if self.peek() != Some('}') {
            new = Some(self.argument(|c| c == '}', true, depth)?);
        }
        self.close()?;
        let value = self.value(name)?.as_bytes();
        Ok(match (mark, &new) {
            // A prefix or suffix needs something to take its place.
            (Some('#' | '%'), None) => value.to_vec(),
            (Some('#'), Some(new)) if value.starts_with(&old) => replaced(value, &old, new, 1),
            (Some('%'), Some(new)) if value.ends_with(&old) => {
                [&value[..value.len() - old.len()], new.as_slice()].concat()
            }
            (Some('#' | '%'), Some(_)) => value.to_vec(),
            (Some(_), new) => replaced(value, &old, new.as_deref().unwrap_or(b""), usize::MAX),
            (None, new) => replaced(value, &old, new.as_deref().unwrap_or(b""), 1),
        })
    }

    fn remove(&mut self, name: &str, mark: char, depth: usize) -> Result<Vec<u8>, SubstituteError> {
        self.at += 1;
        let longest = self.eat(mark);
        let pattern = self.argument(|c| c == '}', false, depth)?;
        self.close()?;
        let value = self.value(name)?;
        if value.len() > MAX_TRIMMED || pattern.len() > MAX_PATTERN {
            return Err(SubstituteError::Limit("a value is too long for a pattern"));
        }
        let pattern = runes(&pattern);
        let (text, pattern) = if mark == '#' {
            (value.as_bytes().to_vec(), pattern)
        } else {
            (
                reversed(value.as_bytes()),
                pattern.into_iter().rev().collect(),
            )
        };
        let pattern: String = pattern.into_iter().collect();
        let rest = trimmed(&text, &pattern, longest);
        Ok(if mark == '#' {
            rest.to_vec()
        } else {
            reversed(rest)
        })
    }
}

/// The value without the beginning that the pattern fits. What fits is never empty.
///
/// Compat: beginnings are counted in bytes, so that a letter may be cut in two.
fn trimmed<'v>(value: &'v [u8], pattern: &str, longest: bool) -> &'v [u8] {
    let Some(pattern) = Pattern::parse(pattern) else {
        return value;
    };
    let fits = |end: &usize| {
        let start: String = runes(&value[..*end]).into_iter().collect();
        pattern.fits(&start, true)
    };
    let mut ends = 1..=value.len();
    let end = if longest {
        ends.rev().find(fits)
    } else {
        ends.find(fits)
    };
    &value[end.unwrap_or(0)..]
}

/// The letters of bytes; each byte that is none counts as one.
fn runes(bytes: &[u8]) -> Vec<char> {
    let mut out = Vec::new();
    for chunk in bytes.utf8_chunks() {
        out.extend(chunk.valid().chars());
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    out
}

fn reversed(bytes: &[u8]) -> Vec<u8> {
    let text: String = runes(bytes).into_iter().rev().collect();
    text.into_bytes()
}

fn one_case(c: char, upper: bool) -> char {
    let mut cased = if upper {
        c.to_uppercase().collect::<Vec<char>>()
    } else {
        c.to_lowercase().collect()
    };
    // What has no single letter for it stays.
    match (cased.pop(), cased.is_empty()) {
        (Some(one), true) => one,
        _ => c,
    }
}

fn replaced(value: &[u8], old: &[u8], new: &[u8], times: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = value;
    let mut left = times;
    while left > 0 && !old.is_empty() {
        let Some(at) = rest.windows(old.len()).position(|window| window == old) else {
            break;
        };
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(new);
        rest = &rest[at + old.len()..];
        left -= 1;
        if out.len() > MAX_OUTPUT {
            break;
        }
    }
    out.extend_from_slice(rest);
    out
}

/// Bytes from a position, which may count from the end; what is no number changes nothing.
fn part<'v>(value: &'v [u8], position: &[u8], length: Option<&[u8]>) -> &'v [u8] {
    let number = |text: &[u8]| -> Option<i64> { std::str::from_utf8(text).ok()?.parse().ok() };
    let len = i64::try_from(value.len()).unwrap_or(i64::MAX);
    let Some(from) = number(position) else {
        return value;
    };
    let from = if from < 0 { (len + from).max(0) } else { from };
    let to = match length.map(number) {
        None => len,
        Some(None) => return value,
        Some(Some(length)) if length < 0 => len + length,
        Some(Some(length)) => from.saturating_add(length).min(len),
    };
    let at = |n: i64| usize::try_from(n).ok();
    match (at(from), at(to)) {
        (Some(from), Some(to)) => value.get(from..to).unwrap_or(b""),
        _ => b"",
    }
}

#[cfg(test)]
mod tests {
    use super::expand;

    #[test]
    fn substitutions_give_what_flux_gives() {
        let cases = include_str!("../../tests/data/envsubst.jsonl");
        let mut count = 0;
        for line in cases.lines() {
            let case: argosy_object::Value = serde_json::from_str(line).unwrap();
            let vars = case["vars"].as_object().unwrap();
            let strict = case["strict"] == true;
            let done = expand(case["text"].as_str().unwrap(), &|name| {
                let known = vars.get(name).and_then(|v| v.as_str());
                if strict { known } else { known.or(Some("")) }
            });
            let done = done.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            let done = done.map_err(|error| {
                error
                    .to_string()
                    .trim_start_matches("variable substitution failed: ")
                    .to_owned()
            });
            match (case["out"].as_str(), case["error"].as_str()) {
                (Some(out), _) => assert_eq!(done.as_deref(), Ok(out), "{line}"),
                (None, error) => {
                    assert_eq!(done.as_ref().err().map(String::as_str), error, "{line}")
                }
            }
            count += 1;
        }
        assert!(count > 500, "{count}");
    }
}
