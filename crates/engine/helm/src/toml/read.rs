//! Reads TOML 1.0 into template values: integers are `int64`, tables maps, dates stay text.

use argosy_gotmpl::{GoStr, MapRef, Value};

/// How deep arrays and inline tables may lie in each other.
const MAX_DEPTH: usize = 100;

/// Reads a document.
///
/// # Errors
/// What is wrong, with its line. Compat: the place is Go's, the sentence is our own; a template
/// sees it under the key `Error`. Dates and times are text here, `time.Time` in Go.
pub(crate) fn read(text: &str) -> Result<Value, String> {
    let mut reader = Reader {
        text,
        at: 0,
        explicit: Vec::new(),
    };
    let root = MapRef::default();
    let result = reader.document(&root);
    result.map_err(|fault| {
        let line = 1 + text[..reader.at].matches('\n').count();
        format!("toml: line {line}: {fault}")
    })?;
    Ok(Value::Map(root))
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    /// Tables that a header named, which no other header may name again.
    explicit: Vec<MapRef>,
}

type Result_<T> = Result<T, String>;

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn expect(&mut self, token: &str) -> Result_<()> {
        if self.eat(token) {
            Ok(())
        } else {
            Err(format!("expected {token:?}"))
        }
    }

    /// Skips space and tabs; with `lines`, line ends and comments too.
    fn space(&mut self, lines: bool) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches([' ', '\t']);
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with('#') {
                self.at += trimmed.find('\n').unwrap_or(trimmed.len());
            }
            if !(lines && (self.eat("\r\n") || self.eat("\n"))) {
                return;
            }
        }
    }

    fn document(&mut self, root: &MapRef) -> Result_<()> {
        let mut table = root.clone();
        loop {
            self.space(true);
            match self.peek() {
                None => return Ok(()),
                Some('[') => table = self.header(root)?,
                Some(_) => self.entry(&table, 0)?,
            }
            self.space(false);
            if !self.rest().is_empty() && !self.rest().starts_with(['\n', '\r']) {
                return Err("expected a new line".into());
            }
        }
    }

    fn header(&mut self, root: &MapRef) -> Result_<MapRef> {
        let is_array = self.eat("[[");
        if !is_array {
            self.expect("[")?;
        }
        let path = self.key()?;
        self.expect(if is_array { "]]" } else { "]" })?;
        let (last, parents) = path.split_last().ok_or("empty key")?;
        let mut table = root.clone();
        for part in parents {
            table = inner(&table, part)?;
        }
        if is_array {
            let added = MapRef::default();
            let mut items = match table.get(last.as_bytes()) {
                None => Vec::new(),
                Some(Value::List(items)) => items.into_vec(),
                Some(_) => return Err(format!("key '{last}' is already defined")),
            };
            items.push(Value::Map(added.clone()));
            table.insert(last.clone(), Value::list(items));
            return Ok(added);
        }
        let table = inner(&table, last)?;
        if self.explicit.iter().any(|known| known.ptr_eq(&table)) {
            return Err(format!("key '{last}' is already defined"));
        }
        self.explicit.push(table.clone());
        Ok(table)
    }

    fn entry(&mut self, table: &MapRef, depth: usize) -> Result_<()> {
        let path = self.key()?;
        self.expect("=")?;
        self.space(false);
        let value = self.value(depth)?;
        let (last, parents) = path.split_last().ok_or("empty key")?;
        let mut table = table.clone();
        for part in parents {
            table = inner(&table, part)?;
        }
        if table.contains(last.as_bytes()) {
            return Err(format!("key '{last}' has already been defined"));
        }
        table.insert(last.clone(), value);
        Ok(())
    }

    /// A key with dots, and the space around it.
    fn key(&mut self) -> Result_<Vec<GoStr>> {
        let mut path = Vec::new();
        loop {
            self.space(false);
            path.push(match self.peek() {
                Some(quote @ ('"' | '\'')) => GoStr::from(self.string(quote)?),
                _ => {
                    let bare =
                        |unit: char| unit.is_ascii_alphanumeric() || matches!(unit, '_' | '-');
                    let rest = self.rest();
                    let length = rest.find(|unit| !bare(unit)).unwrap_or(rest.len());
                    if length == 0 {
                        return Err("expected a key".into());
                    }
                    self.at += length;
                    GoStr::from(&rest[..length])
                }
            });
            self.space(false);
            if !self.eat(".") {
                return Ok(path);
            }
        }
    }

    fn value(&mut self, depth: usize) -> Result_<Value> {
        if depth > MAX_DEPTH {
            return Err("nested too deep".into());
        }
        match self.peek() {
            None | Some('\n' | '\r') => Err("expected a value".into()),
            Some(quote @ ('"' | '\'')) => self.string(quote).map(Value::str),
            Some('[') => self.array(depth),
            Some('{') => self.inline_table(depth),
            Some(_) => self.scalar(),
        }
    }

    fn array(&mut self, depth: usize) -> Result_<Value> {
        self.expect("[")?;
        let mut items = Vec::new();
        loop {
            self.space(true);
            if self.eat("]") {
                return Ok(Value::list(items));
            }
            items.push(self.value(depth + 1)?);
            self.space(true);
            if !self.eat(",") {
                self.expect("]")?;
                return Ok(Value::list(items));
            }
        }
    }

    fn inline_table(&mut self, depth: usize) -> Result_<Value> {
        self.expect("{")?;
        let table = MapRef::default();
        self.space(false);
        if self.eat("}") {
            return Ok(Value::Map(table));
        }
        loop {
            self.entry(&table, depth + 1)?;
            self.space(false);
            if !self.eat(",") {
                self.expect("}")?;
                return Ok(Value::Map(table));
            }
        }
    }

    fn scalar(&mut self) -> Result_<Value> {
        let rest = self.rest();
        let length = rest
            .find(|unit: char| matches!(unit, ',' | ']' | '}' | '#' | '\n' | '\r'))
            .unwrap_or(rest.len());
        let text = rest[..length].trim_end();
        let value = scalar(text).ok_or_else(|| format!("invalid value {text:?}"))?;
        self.at += text.len();
        Ok(value)
    }

    fn string(&mut self, quote: char) -> Result_<String> {
        let triple = if quote == '"' { "\"\"\"" } else { "'''" };
        let multi = self.eat(triple);
        if multi {
            // A line end right behind the quotes is not part of the text.
            let _ = self.eat("\r\n") || self.eat("\n");
        } else {
            self.at += 1;
        }
        let mut out = String::new();
        loop {
            if multi && self.eat(triple) {
                // Up to two quotes may stand before the closing ones.
                while self.rest().starts_with(quote) && out.len() < self.text.len() {
                    out.push(quote);
                    self.at += 1;
                }
                return Ok(out);
            }
            let Some(unit) = self.peek() else {
                return Err("unterminated string".into());
            };
            self.at += unit.len_utf8();
            match unit {
                unit if unit == quote && !multi => return Ok(out),
                '\n' if !multi => return Err("strings cannot contain newlines".into()),
                '\\' if quote == '"' => self.escape(&mut out, multi)?,
                unit => out.push(unit),
            }
        }
    }

    fn escape(&mut self, out: &mut String, multi: bool) -> Result_<()> {
        let unit = self.peek().ok_or("unterminated string")?;
        self.at += unit.len_utf8();
        out.push(match unit {
            'b' => '\u{8}',
            't' => '\t',
            'n' => '\n',
            'f' => '\u{c}',
            'r' => '\r',
            'e' => '\u{1b}',
            '"' | '\\' => unit,
            'u' | 'U' => {
                let length = if unit == 'u' { 4 } else { 8 };
                let digits = self.rest().get(..length).ok_or("invalid escape")?;
                let code = u32::from_str_radix(digits, 16).map_err(|_| "invalid escape")?;
                self.at += length;
                char::from_u32(code).ok_or("invalid escape")?
            }
            ' ' | '\t' | '\r' | '\n' if multi => {
                let rest = self.rest();
                self.at += rest.len() - rest.trim_start().len();
                return Ok(());
            }
            _ => return Err(format!("invalid escape character {unit:?}")),
        });
        Ok(())
    }
}

/// The table of a key, made where it is not there; of an array of tables, the last one.
fn inner(table: &MapRef, key: &GoStr) -> Result_<MapRef> {
    match table.get(key.as_bytes()) {
        None => {
            let made = MapRef::default();
            table.insert(key.clone(), Value::Map(made.clone()));
            Ok(made)
        }
        Some(Value::Map(found)) => Ok(found),
        Some(Value::List(items)) => match items.last() {
            Some(Value::Map(last)) => Ok(last.clone()),
            _ => Err(format!("key '{key}' is already defined")),
        },
        Some(_) => Err(format!("key '{key}' is already defined")),
    }
}

fn scalar(text: &str) -> Option<Value> {
    match text {
        "true" => return Some(Value::Bool(true)),
        "false" => return Some(Value::Bool(false)),
        "inf" | "+inf" => return Some(Value::Float(f64::INFINITY)),
        "-inf" => return Some(Value::Float(f64::NEG_INFINITY)),
        "nan" | "+nan" | "-nan" => return Some(Value::Float(f64::NAN)),
        _ => {}
    }
    let is_date = text.len() >= 8
        && text.as_bytes()[..4].iter().all(u8::is_ascii_digit)
        && text.as_bytes()[4] == b'-';
    let is_time = text.len() >= 5 && text.as_bytes()[2] == b':';
    if is_date || is_time {
        return Some(Value::str(text));
    }
    if text.starts_with('_') || text.ends_with('_') || text.contains("__") {
        return None;
    }
    let plain = text.replace('_', "");
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = plain.strip_prefix(prefix) {
            return i64::from_str_radix(digits, radix).ok().map(Value::Int64);
        }
    }
    let digits = plain.trim_start_matches(['+', '-']);
    let has_zero = digits.len() > 1 && digits.starts_with('0');
    if has_zero && digits.as_bytes()[1].is_ascii_digit()
        || !digits.starts_with(|unit: char| unit.is_ascii_digit())
    {
        return None;
    }
    if let Ok(int) = plain.parse::<i64>() {
        return Some(Value::Int64(int));
    }
    let is_float = digits.contains(['.', 'e', 'E']) && !digits.ends_with('.');
    plain.parse().ok().filter(|_| is_float).map(Value::Float)
}
