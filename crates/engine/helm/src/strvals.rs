//! The language of `--set` and its kin, to the letter: `a.b=1,c[0].d={x,y}`.

use argosy_gotmpl::{GoStr, Value, gofmt};
use argosy_object::Value as Json;

use crate::values::{ReadFile, Table};

/// The greatest list index.
const MAX_INDEX: i64 = 65_536;
/// The greatest depth of a name.
const MAX_NESTING: usize = 30;
/// All list slots that one line may make: nested indexes multiply. Compat: Helm has no such
/// limit.
const MAX_SLOTS: usize = 1 << 20;

/// Parses `--set` into values.
pub(crate) fn parse(text: &str, into: &mut Table) -> Result<(), String> {
    run(text, into, Mode::Typed)
}

/// Parses `--set-string` into values.
pub(crate) fn parse_strings(text: &str, into: &mut Table) -> Result<(), String> {
    run(text, into, Mode::Strings)
}

/// Parses `--set-json` (of the form `key=JSON`) into values.
pub(crate) fn parse_json(text: &str, into: &mut Table) -> Result<(), String> {
    run(text, into, Mode::Json)
}

/// Parses `--set-file` into values.
pub(crate) fn parse_files(text: &str, into: &mut Table, read: &ReadFile<'_>) -> Result<(), String> {
    run(text, into, Mode::Files(read))
}

/// Parses `--set-literal` into values.
pub(crate) fn parse_literal(text: &str, into: &mut Table) -> Result<(), String> {
    run(text, into, Mode::Literal)
}

#[derive(Clone, Copy)]
enum Mode<'a> {
    Typed,
    Strings,
    Json,
    Literal,
    Files(&'a ReadFile<'a>),
}

/// Why a step ended.
enum Stop {
    /// The text is used up: the regular end.
    End,
    Failed(String),
}

impl From<String> for Stop {
    fn from(text: String) -> Self {
        Self::Failed(text)
    }
}

fn run(text: &str, into: &mut Table, mode: Mode<'_>) -> Result<(), String> {
    let mut parser = Parser {
        text,
        at: 0,
        mode,
        slots: 0,
    };
    loop {
        match parser.key(into, 0) {
            Ok(()) => {}
            Err(Stop::End) => return Ok(()),
            Err(Stop::Failed(text)) => return Err(text),
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    mode: Mode<'t>,
    slots: usize,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn next(&mut self) -> Option<char> {
        let next = self.rest().chars().next()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn is_literal(&self) -> bool {
        matches!(self.mode, Mode::Literal)
    }

    /// Reads up to one of the stops, which is consumed; a backslash escapes (but in literals).
    fn until(&mut self, stops: &str) -> (String, Option<char>) {
        let mut out = String::new();
        while let Some(next) = self.next() {
            if stops.contains(next) {
                return (out, Some(next));
            }
            if next == '\\' && !self.is_literal() {
                match self.next() {
                    Some(escaped) => out.push(escaped),
                    None => break,
                }
            } else {
                out.push(next);
            }
        }
        (out, None)
    }

    fn key(&mut self, into: &mut Table, nesting: usize) -> Result<(), Stop> {
        let stops = if self.is_literal() { "=[." } else { "=[,." };
        let (name, stop) = self.until(stops);
        match stop {
            None if name.is_empty() => Err(Stop::End),
            None => Err(format!("key {} has no value", quoted(&name)).into()),
            Some('[') => self.list(into, &name, nesting),
            Some('.') => self.table(into, &name, nesting + 1),
            Some('=') => {
                let mut ended = Ok(());
                let value = self.value(&mut ended)?;
                set(into, name, value);
                ended
            }
            Some(_) => {
                set(into, name.clone(), "".into());
                Err(format!("key {} has no value (cannot end with ,)", quoted(&name)).into())
            }
        }
    }

    fn list(&mut self, into: &mut Table, name: &str, nesting: usize) -> Result<(), Stop> {
        let index = self.index()?;
        let mut list = match into.get_mut(name).map(Json::take) {
            None => Vec::new(),
            Some(Json::Array(list)) => list,
            Some(other) => {
                let found = go_type(&other);
                into.insert(name.to_owned(), other);
                return Err(not_a("[]interface {}", found).into());
            }
        };
        let result = self.item(&mut list, index, nesting);
        set(into, name.to_owned(), Json::Array(list));
        result
    }

    fn table(&mut self, into: &mut Table, name: &str, nesting: usize) -> Result<(), Stop> {
        if nesting > MAX_NESTING {
            return Err(format!(
                "value name nested level is greater than maximum supported nested level of \
                 {MAX_NESTING}"
            )
            .into());
        }
        let mut inner = match into.get_mut(name).map(Json::take) {
            None => Table::new(),
            Some(Json::Object(inner)) => inner,
            Some(other) => {
                let found = go_type(&other);
                into.insert(name.to_owned(), other);
                return Err(not_a("map[string]interface {}", found).into());
            }
        };
        let result = self.key(&mut inner, nesting);
        if let (true, Some(existing)) = (inner.is_empty(), into.get_mut(name)) {
            *existing = Json::Object(Table::new());
        }
        if result.is_ok() && inner.is_empty() {
            return Err(format!("key map {} has no value", quoted(name)).into());
        }
        if !inner.is_empty() {
            set(into, name.to_owned(), Json::Object(inner));
        }
        result
    }

    /// The index of `name[INDEX]`, whose opening bracket is behind.
    fn index(&mut self) -> Result<i64, Stop> {
        let (digits, stop) = self.until("]");
        if stop.is_none() {
            // Compat: Helm takes an index that is not closed for the end of the line.
            return Err(Stop::End);
        }
        digits.parse().map_err(|_| {
            let fault = atoi_fault(&digits);
            let digits = quoted(&digits);
            let fault = format!("strconv.Atoi: parsing {digits}: {fault}");
            Stop::Failed(format!("error parsing index: {fault}"))
        })
    }

    fn item(&mut self, list: &mut Vec<Json>, index: i64, nesting: usize) -> Result<(), Stop> {
        if index < 0 {
            return Err(format!("negative {index} index not allowed").into());
        }
        let (extra, stop) = self.until("[.=");
        if !extra.is_empty() {
            // Compat: Helm prints the characters one by one.
            let units = extra.chars().map(|unit| {
                gofmt::sprintf("%q", &[Value::Int(i64::from(u32::from(unit)))]).to_string()
            });
            let units: Vec<String> = units.collect();
            let units = units.join(" ");
            return Err(format!("unexpected data at end of array index: [{units}]").into());
        }
        let place = index as usize;
        match stop {
            None => Err(Stop::End),
            Some('=') => {
                let mut ended = Ok(());
                let value = self.value(&mut ended)?;
                self.put(list, index, value)?;
                match (ended, self.mode) {
                    // In a list the regular end is not reported.
                    (Err(Stop::End), _) => Ok(()),
                    (ended, _) => ended,
                }
            }
            Some('[') => {
                let next = self.index()?;
                let (mut inner, was_there) = match list.get_mut(place).map(Json::take) {
                    None | Some(Json::Null) => (Vec::new(), false),
                    Some(Json::Array(inner)) => (inner, true),
                    Some(other) => {
                        return Err(not_a("[]interface {}", go_type(&other)).into());
                    }
                };
                let result = self.item(&mut inner, next, nesting);
                if let (Err(_), true) = (&result, was_there) {
                    list[place] = Json::Array(inner);
                    return result;
                }
                result?;
                self.put(list, index, Json::Array(inner))
            }
            Some(_) => {
                let nesting = nesting + usize::from(self.is_literal());
                if nesting > MAX_NESTING {
                    return Err(format!(
                        "value name nested level is greater than maximum supported nested level \
                         of {MAX_NESTING}"
                    )
                    .into());
                }
                let mut inner = match list.get_mut(place).map(Json::take) {
                    Some(Json::Object(inner)) => inner,
                    _ => Table::new(),
                };
                let result = self.key(&mut inner, nesting);
                if result.is_ok() || place < list.len() {
                    self.put(list, index, Json::Object(inner))?;
                }
                result
            }
        }
    }

    fn put(&mut self, list: &mut Vec<Json>, index: i64, value: Json) -> Result<(), Stop> {
        if index > MAX_INDEX {
            return Err(format!(
                "index of {index} is greater than maximum supported index of {MAX_INDEX}"
            )
            .into());
        }
        let place = index as usize;
        if list.len() <= place {
            self.slots += place + 1 - list.len();
            if self.slots > MAX_SLOTS {
                return Err("too many list items".to_owned().into());
            }
            list.resize(place + 1, Json::Null);
        }
        list[place] = value;
        Ok(())
    }

    /// Reads what stands behind `=`. `ended` becomes the end where nothing follows.
    fn value(&mut self, ended: &mut Result<(), Stop>) -> Result<Json, Stop> {
        match self.mode {
            Mode::Json => self.json(),
            Mode::Literal => {
                let text = self.rest().to_owned();
                self.at = self.text.len();
                // Compat: unlike in the other modes, an empty text is a value as any other.
                *ended = Ok(());
                Ok(text.into())
            }
            _ if self.rest().is_empty() => {
                *ended = Err(Stop::End);
                Ok("".into())
            }
            _ if self.rest().starts_with('{') => {
                self.at += 1;
                self.braces().map(Json::Array)
            }
            _ => {
                let (text, _) = self.until(",");
                self.scalar(text)
            }
        }
    }

    fn braces(&mut self) -> Result<Vec<Json>, Stop> {
        let mut list = Vec::new();
        loop {
            let (text, stop) = self.until(",}");
            let Some(stop) = stop else {
                return Err("list must terminate with '}'".to_owned().into());
            };
            list.push(self.scalar(text)?);
            if stop == '}' {
                if self.rest().starts_with(',') {
                    self.at += 1;
                }
                return Ok(list);
            }
        }
    }

    fn scalar(&self, text: String) -> Result<Json, Stop> {
        match self.mode {
            Mode::Typed => Ok(typed(text)),
            Mode::Files(read) => {
                let data = read(&text)?;
                Ok(String::from_utf8_lossy(&data).into_owned().into())
            }
            _ => Ok(text.into()),
        }
    }

    /// Consumes space up to a comma or the end (true) or to something else (false).
    fn is_empty_value(&mut self) -> bool {
        while let Some(next) = self.rest().chars().next() {
            if next != ',' && !next.is_whitespace() {
                return false;
            }
            self.at += next.len_utf8();
            if next == ',' {
                return true;
            }
        }
        true
    }

    fn json(&mut self) -> Result<Json, Stop> {
        if self.is_empty_value() {
            return Ok(Json::Null);
        }
        let length = json_length(self.rest());
        let text = &self.rest()[..length];
        let mut json: Json = text
            .parse()
            .map_err(|_| Stop::Failed("invalid JSON".into()))?;
        crate::values::floats(&mut json);
        self.at += length;
        self.is_empty_value();
        Ok(json)
    }
}

/// How long the JSON value at the start of the text is.
///
/// Compat: Go's decoder stops where a value can go on no more: `01` is 0, and `1` is left.
fn json_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    match bytes {
        [b't' | b'n', ..] => text.floor_char_boundary(4),
        [b'f', ..] => text.floor_char_boundary(5),
        [b'-' | b'0'..=b'9', ..] => {
            let start = usize::from(bytes[0] == b'-');
            let mut at = match bytes.get(start) {
                Some(b'0') => start + 1,
                _ => start + digits(start),
            };
            if bytes.get(at) == Some(&b'.') {
                at += 1 + digits(at + 1);
            }
            if matches!(bytes.get(at), Some(b'e' | b'E')) {
                at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
                at += digits(at);
            }
            at
        }
        _ => composite_length(text),
    }
}

/// How long a string, list or table is.
fn composite_length(text: &str) -> usize {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (at, unit) in text.char_indices() {
        match unit {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => {
                quoted = !quoted;
                if !quoted && depth == 0 {
                    return at + 1;
                }
            }
            _ if quoted => {}
            '[' | '{' => depth += 1,
            ']' | '}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

fn set(into: &mut Table, name: String, value: Json) {
    if !name.is_empty() {
        into.insert(name, value);
    }
}

/// What Go says of a text that is no index: it stops at whatever comes first, a byte that is no
/// digit or one digit more than 64 bits hold.
fn atoi_fault(text: &str) -> &'static str {
    const SYNTAX: &str = "invalid syntax";
    const RANGE: &str = "value out of range";
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() {
        return SYNTAX;
    }
    let mut number = 0_u64;
    for byte in digits.bytes() {
        if !byte.is_ascii_digit() {
            return SYNTAX;
        }
        let next = number.checked_mul(10);
        match next.and_then(|next| next.checked_add(u64::from(byte - b'0'))) {
            Some(next) => number = next,
            None => return RANGE,
        }
    }
    RANGE
}

fn quoted(text: &str) -> GoStr {
    gofmt::sprintf("%q", &[Value::str(text)])
}

fn go_type(json: &Json) -> &'static str {
    match json {
        Json::Null => "nil",
        Json::Bool(_) => "bool",
        Json::Number(number) if number.is_f64() => "float64",
        Json::Number(_) => "int64",
        Json::String(_) => "string",
        Json::Array(_) => "[]interface {}",
        Json::Object(_) => "map[string]interface {}",
    }
}

/// What Go says where a value is not of the type that a name takes it for.
fn not_a(wanted: &str, found: &str) -> String {
    format!("unable to parse key: interface conversion: interface {{}} is {found}, not {wanted}")
}

fn typed(text: String) -> Json {
    for (word, value) in [
        ("true", Json::Bool(true)),
        ("false", Json::Bool(false)),
        ("null", Json::Null),
    ] {
        if text.eq_ignore_ascii_case(word) {
            return value;
        }
    }
    if text == "0" {
        return Json::from(0_i64);
    }
    if !text.starts_with('0')
        && let Ok(int) = text.parse::<i64>()
    {
        return Json::from(int);
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    fn parsed(text: &str) -> Result<Json, String> {
        let mut table = Table::new();
        parse(text, &mut table).map(|()| Json::Object(table))
    }

    #[test]
    fn lines_parse_as_helm_parses_them() {
        for (text, wanted) in [
            ("a=1,b=x", json!({"a": 1, "b": "x"})),
            ("a.b.c=true", json!({"a": {"b": {"c": true}}})),
            ("a[1]=x,a[0]=y", json!({"a": ["y", "x"]})),
            ("a[0].b=1,a[0].c=2", json!({"a": [{"b": 1, "c": 2}]})),
            ("a[0][1]=z", json!({"a": [[null, "z"]]})),
            ("a={1,b\\,c}", json!({"a": [1, "b,c"]})),
            ("a={}", json!({"a": [""]})),
            ("a=", json!({"a": ""})),
            ("a=null,b=007,c=0", json!({"a": null, "b": "007", "c": 0})),
            ("a\\.b=1", json!({"a.b": 1})),
            ("a=x=y", json!({"a": "x=y"})),
        ] {
            assert_eq!(parsed(text), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn bad_lines_are_refused_in_helms_words() {
        for (text, wanted) in [
            ("a", "key \"a\" has no value"),
            ("a,b=1", "key \"a\" has no value (cannot end with ,)"),
            (
                "a[99999999]=1",
                "index of 99999999 is greater than maximum supported index of 65536",
            ),
            ("a[-1]=1", "negative -1 index not allowed"),
            ("a={1", "list must terminate with '}'"),
            (
                "a[x]=1",
                "error parsing index: strconv.Atoi: parsing \"x\": invalid syntax",
            ),
        ] {
            assert_eq!(parsed(text), Err(wanted.to_owned()), "{text}");
        }
        assert!(parsed(&format!("{}=1", "a.".repeat(40))).is_err());
        let many: Vec<String> = (0..40).map(|at| format!("a{at}[65536][65536]=1")).collect();
        assert_eq!(
            parsed(&many.join(",")),
            Err("too many list items".to_owned())
        );
    }

    #[test]
    fn json_and_literals() {
        let mut table = Table::new();
        assert_eq!(
            parse_json("a={\"x\": [1, 2]} ,b=\"q,r\",c=", &mut table),
            Ok(())
        );
        assert_eq!(
            Json::Object(table),
            json!({"a": {"x": [1.0, 2.0]}, "b": "q,r", "c": null})
        );
        let mut table = Table::new();
        assert_eq!(parse_literal("a.b=x,y={z}\\n", &mut table), Ok(()));
        assert_eq!(Json::Object(table), json!({"a": {"b": "x,y={z}\\n"}}));
    }
}
