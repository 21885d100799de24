//! What is wrong with a JSON text, in the words of Go's scanner.
//!
//! Compat: `encoding/json/scanner.go`, whose errors API servers pass on as they are.

/// Containers within one another at most.
const DEPTH_MAX: usize = 10_000;

/// What Go's scanner says of the first byte that cannot stand where it stands; `None` for JSON.
pub(crate) fn fault(bytes: &[u8]) -> Option<String> {
    let mut scanner = Scanner { bytes, at: 0 };
    scanner.document().err()
}

struct Scanner<'b> {
    bytes: &'b [u8],
    at: usize,
}

/// A container that is open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Object,
    Array,
}

impl Scanner<'_> {
    fn document(&mut self) -> Result<(), String> {
        let mut open: Vec<Open> = Vec::new();
        let mut begins = true;
        loop {
            if begins {
                begins = self.value(&mut open)?;
                continue;
            }
            self.blank();
            match open.last() {
                None => {
                    return match self.bytes.get(self.at) {
                        None => Ok(()),
                        Some(_) => self.wrong("after top-level value"),
                    };
                }
                Some(Open::Object) => match self.bytes.get(self.at) {
                    Some(b',') => {
                        self.at += 1;
                        self.blank();
                        self.key()?;
                        begins = true;
                    }
                    Some(b'}') => {
                        self.at += 1;
                        open.pop();
                    }
                    _ => return self.wrong("after object key:value pair"),
                },
                Some(Open::Array) => match self.bytes.get(self.at) {
                    Some(b',') => {
                        self.at += 1;
                        begins = true;
                    }
                    Some(b']') => {
                        self.at += 1;
                        open.pop();
                    }
                    _ => return self.wrong("after array element"),
                },
            }
        }
    }

    /// One value, or the beginning of a container; whether another value has to follow at once.
    fn value(&mut self, open: &mut Vec<Open>) -> Result<bool, String> {
        self.blank();
        let byte = self.bytes.get(self.at).copied();
        match byte {
            Some(b'{' | b'[') if open.len() == DEPTH_MAX => Err("exceeded max depth".into()),
            Some(b'{') => {
                self.at += 1;
                self.blank();
                if self.bytes.get(self.at) == Some(&b'}') {
                    self.at += 1;
                    return Ok(false);
                }
                open.push(Open::Object);
                self.key()?;
                Ok(true)
            }
            Some(b'[') => {
                self.at += 1;
                self.blank();
                if self.bytes.get(self.at) == Some(&b']') {
                    self.at += 1;
                    return Ok(false);
                }
                open.push(Open::Array);
                Ok(true)
            }
            Some(b'"') => self.string().map(|()| false),
            Some(b't') => self.literal("true").map(|()| false),
            Some(b'f') => self.literal("false").map(|()| false),
            Some(b'n') => self.literal("null").map(|()| false),
            Some(b'-' | b'0'..=b'9') => self.number().map(|()| false),
            _ => self.wrong("looking for beginning of value"),
        }
    }

    fn key(&mut self) -> Result<(), String> {
        if self.bytes.get(self.at) != Some(&b'"') {
            return self.wrong("looking for beginning of object key string");
        }
        self.string()?;
        self.blank();
        if self.bytes.get(self.at) != Some(&b':') {
            return self.wrong("after object key");
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<(), String> {
        self.at += 1;
        loop {
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    self.escape()?;
                }
                Some(byte) if *byte >= 0x20 => self.at += 1,
                _ => return self.wrong("in string literal"),
            }
        }
    }

    fn escape(&mut self) -> Result<(), String> {
        match self.bytes.get(self.at) {
            Some(b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.bytes.get(self.at).is_some_and(u8::is_ascii_hexdigit) {
                        return self.wrong("in \\u hexadecimal character escape");
                    }
                    self.at += 1;
                }
            }
            _ => return self.wrong("in string escape code"),
        }
        Ok(())
    }

    fn literal(&mut self, word: &str) -> Result<(), String> {
        self.at += 1;
        for expected in word.bytes().skip(1) {
            if self.bytes.get(self.at) != Some(&expected) {
                let place = format!("in literal {word} (expecting '{}')", char::from(expected));
                return self.wrong(&place);
            }
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), String> {
        if self.bytes.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        match self.bytes.get(self.at) {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return self.wrong("in numeric literal"),
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.some_digits("after decimal point in numeric literal")?;
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.bytes.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.some_digits("in exponent of numeric literal")?;
        }
        Ok(())
    }

    fn some_digits(&mut self, place: &str) -> Result<(), String> {
        if !self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            return self.wrong(place);
        }
        self.digits();
        Ok(())
    }

    fn digits(&mut self) {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
    }

    fn blank(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn wrong<T>(&self, place: &str) -> Result<T, String> {
        let Some(byte) = self.bytes.get(self.at) else {
            return Err("unexpected end of JSON input".into());
        };
        let shown = match byte {
            b'\'' => "'\\''".to_owned(),
            b'"' => "'\"'".to_owned(),
            byte => {
                // A byte counts as the character of its number, as in Go's conversion.
                let quoted = crate::auth::rule::go_quote(&char::from(*byte).to_string());
                format!("'{}'", quoted.trim_matches('"'))
            }
        };
        Err(format!("invalid character {shown} {place}"))
    }
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn faults_are_told_in_go_words() {
        for (text, said) in [
            (
                "nonsense",
                "invalid character 'o' in literal null (expecting 'u')",
            ),
            ("{} x", "invalid character 'x' after top-level value"),
            ("{\"a\":1", "unexpected end of JSON input"),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            (
                "{\"a\":1 2}",
                "invalid character '2' after object key:value pair",
            ),
            ("[1 2]", "invalid character '2' after array element"),
            (
                "{a:1}",
                "invalid character 'a' looking for beginning of object key string",
            ),
            (
                "[1,]",
                "invalid character ']' looking for beginning of value",
            ),
            ("\"\\x\"", "invalid character 'x' in string escape code"),
            ("-", "unexpected end of JSON input"),
            (
                "1.x",
                "invalid character 'x' after decimal point in numeric literal",
            ),
            ("\"a\nb\"", "invalid character '\\n' in string literal"),
        ] {
            assert_eq!(fault(text.as_bytes()).as_deref(), Some(said), "{text}");
        }
        assert_eq!(fault(b" {\"a\": [1, -2.5e+3, null, {}, []]} "), None);
        let deep = "[".repeat(20_000);
        assert_eq!(
            fault(deep.as_bytes()).as_deref(),
            Some("exceeded max depth")
        );
    }
}
