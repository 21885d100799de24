//! Writing YAML byte for byte as go-yaml v2 does under sigs.k8s.io/yaml.
//!
//! The state (`column`, `whitespace`, `indention`) is libyaml's, since its output depends on
//! where the pen stands: whether a list is indented, where a text folds, when a line breaks.

use crate::Dialect;
use crate::number::{format_f64_g, format_f64_json};
use crate::order::sort_keys;
use crate::resolve::{Scalar, is_base60, resolve_plain};
use argosy_object::{Map, Value};

/// Where a text may fold.
const WIDTH: usize = 80;
/// Spaces of one level.
const INDENT: i32 = 2;
/// The longest key that needs no `?` before it, in bytes.
const SIMPLE_KEY: usize = 128;

/// Writes `value` as `yaml.Marshal` of sigs.k8s.io/yaml v1.6 does, with the final line break.
///
/// Keys stand in go-yaml's order; text that would read as something else is quoted; text of more
/// than one line becomes a literal block where it can; the rest folds at 80 columns; lists are not
/// indented below their key.
///
/// Compat: two kinds of text that Go itself breaks are kept whole here. U+0085 becomes a space on
/// Go's way through JSON, and DEL, U+FFFE, U+FFFF and the other C1 controls are an error there.
pub fn to_string(value: &Value) -> String {
    let mut emitter = Emitter {
        out: String::new(),
        column: 0,
        indent: -1,
        whitespace: true,
        indention: true,
    };
    emitter.node(
        value,
        Context {
            mapping: false,
            simple_key: false,
        },
    );
    emitter.write_indent();
    emitter.out
}

#[derive(Clone, Copy)]
struct Context {
    mapping: bool,
    simple_key: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

struct Emitter {
    out: String,
    column: usize,
    indent: i32,
    whitespace: bool,
    indention: bool,
}

impl Emitter {
    fn node(&mut self, value: &Value, context: Context) {
        match value {
            Value::Null => self.plain_word("null", context),
            Value::Bool(value) => self.plain_word(if *value { "true" } else { "false" }, context),
            Value::Number(number) => self.plain_word(&number_text(number), context),
            Value::String(text) => self.text(text, context),
            Value::Array(items) if items.is_empty() => self.empty("[", "]"),
            Value::Array(items) => self.sequence(items, context),
            Value::Object(map) if map.is_empty() => self.empty("{", "}"),
            Value::Object(map) => self.mapping(map),
        }
    }

    fn empty(&mut self, open: &str, close: &str) {
        self.indicator(open, true, true, false);
        self.indicator(close, false, false, false);
    }

    fn sequence(&mut self, items: &[Value], context: Context) {
        let indentless = context.mapping && !self.indention;
        let outer = self.increase_indent(false, indentless);
        for item in items {
            self.write_indent();
            self.indicator("-", true, false, true);
            self.node(
                item,
                Context {
                    mapping: false,
                    simple_key: false,
                },
            );
        }
        self.indent = outer;
    }

    fn mapping(&mut self, map: &Map<String, Value>) {
        let outer = self.increase_indent(false, false);
        let entries = sort_keys(map.iter().collect());
        for (key, value) in entries {
            self.write_indent();
            let simple = key.len() <= SIMPLE_KEY && !key.chars().any(is_break);
            if simple {
                self.text(
                    key,
                    Context {
                        mapping: true,
                        simple_key: true,
                    },
                );
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, true);
                self.text(
                    key,
                    Context {
                        mapping: true,
                        simple_key: false,
                    },
                );
                self.write_indent();
                self.indicator(":", true, false, true);
            }
            self.node(
                value,
                Context {
                    mapping: true,
                    simple_key: false,
                },
            );
        }
        self.indent = outer;
    }

    /// Goes one level in; gives back the level before.
    fn increase_indent(&mut self, flow: bool, indentless: bool) -> i32 {
        let outer = self.indent;
        if outer < 0 {
            self.indent = if flow { INDENT } else { 0 };
        } else if !indentless {
            self.indent += INDENT;
        }
        outer
    }

    fn plain_word(&mut self, word: &str, context: Context) {
        let outer = self.increase_indent(true, false);
        self.write_plain(word, !context.simple_key);
        self.indent = outer;
    }

    fn text(&mut self, text: &str, context: Context) {
        let style = style_of(text, context);
        let outer = self.increase_indent(true, false);
        let breaks = !context.simple_key;
        match style {
            Style::Plain => self.write_plain(text, breaks),
            Style::Single => self.write_single(text, breaks),
            Style::Double => self.write_double(text, breaks),
            Style::Literal => self.write_literal(text),
        }
        self.indent = outer;
    }

    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    fn put_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
    }

    /// Writes a line break of the text as it is.
    fn write_break(&mut self, c: char) {
        self.out.push(c);
        self.column = 0;
    }

    fn write_indent(&mut self) {
        let indent = self.indent.max(0) as usize;
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.put_break();
        }
        while self.column < indent {
            self.put(' ');
        }
        self.whitespace = true;
        self.indention = true;
    }

    fn indicator(&mut self, text: &str, need_space: bool, is_space: bool, is_indention: bool) {
        if need_space && !self.whitespace {
            self.put(' ');
        }
        for c in text.chars() {
            self.put(c);
        }
        self.whitespace = is_space;
        self.indention = self.indention && is_indention;
    }

    /// Plain and single quoted text share how they fold and break.
    fn write_flowing(&mut self, text: &str, breaks_allowed: bool, single: bool) {
        let mut spaces = false;
        let mut breaks = false;
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let next = chars.peek().map(|(_, n)| *n);
            if c == ' ' {
                let inside = !single || (at > 0 && next.is_some());
                let folds = breaks_allowed && !spaces && self.column > WIDTH && inside;
                if folds && next != Some(' ') {
                    self.write_indent();
                } else {
                    self.put(c);
                }
                spaces = true;
            } else if is_break(c) {
                if !breaks && c == '\n' {
                    self.put_break();
                }
                self.write_break(c);
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                if single && c == '\'' {
                    self.put('\'');
                }
                self.put(c);
                self.indention = false;
                spaces = false;
                breaks = false;
            }
        }
    }

    fn write_plain(&mut self, text: &str, breaks_allowed: bool) {
        if !self.whitespace {
            self.put(' ');
        }
        self.write_flowing(text, breaks_allowed, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn write_single(&mut self, text: &str, breaks_allowed: bool) {
        self.indicator("'", true, false, false);
        self.write_flowing(text, breaks_allowed, true);
        self.indicator("'", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn write_double(&mut self, text: &str, breaks_allowed: bool) {
        self.indicator("\"", true, false, false);
        // go-yaml looks for the byte order mark at the start of the text, whatever character
        // it is at: one there has all of them escaped.
        let escape_all = text.starts_with('\u{feff}');
        let mut spaces = false;
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let next = chars.peek().map(|(_, n)| *n);
            if escape_all || !is_printable(c) || is_break(c) || c == '"' || c == '\\' {
                self.escape(c);
                spaces = false;
            } else if c == ' ' {
                let inside = at > 0 && next.is_some();
                if breaks_allowed && !spaces && self.column > WIDTH && inside {
                    self.write_indent();
                    if next == Some(' ') {
                        self.put('\\');
                    }
                } else {
                    self.put(c);
                }
                spaces = true;
            } else {
                self.put(c);
                spaces = false;
            }
        }
        self.indicator("\"", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn escape(&mut self, c: char) {
        let code = u32::from(c);
        let escaped = match c {
            '\0' => "\\0".to_owned(),
            '\u{7}' => "\\a".to_owned(),
            '\u{8}' => "\\b".to_owned(),
            '\t' => "\\t".to_owned(),
            '\n' => "\\n".to_owned(),
            '\u{b}' => "\\v".to_owned(),
            '\u{c}' => "\\f".to_owned(),
            '\r' => "\\r".to_owned(),
            '\u{1b}' => "\\e".to_owned(),
            '"' => "\\\"".to_owned(),
            '\\' => "\\\\".to_owned(),
            '\u{85}' => "\\N".to_owned(),
            '\u{a0}' => "\\_".to_owned(),
            '\u{2028}' => "\\L".to_owned(),
            '\u{2029}' => "\\P".to_owned(),
            _ if code <= 0xff => format!("\\x{code:02X}"),
            _ if code <= 0xffff => format!("\\u{code:04X}"),
            _ => format!("\\U{code:08X}"),
        };
        for c in escaped.chars() {
            self.put(c);
        }
    }

    fn write_literal(&mut self, text: &str) {
        self.indicator("|", true, false, false);
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            self.indicator("2", false, false, false);
        }
        let mut ends = text.chars().rev();
        let chomp = match (ends.next(), ends.next()) {
            (Some(last), _) if !is_break(last) => "-",
            (Some(_), None) => "+",
            (Some(_), Some(before)) if is_break(before) => "+",
            (Some(_), Some(_)) => "",
            (None, _) => "-",
        };
        if !chomp.is_empty() {
            self.indicator(chomp, false, false, false);
        }
        self.put_break();
        self.indention = true;
        self.whitespace = true;
        let mut breaks = true;
        for c in text.chars() {
            if is_break(c) {
                self.write_break(c);
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                self.put(c);
                self.indention = false;
                breaks = false;
            }
        }
    }
}

/// A number after Go's way through JSON and back into YAML.
fn number_text(number: &serde_json::Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => {
            let json = format_f64_json(float);
            match resolve_plain(&json, Dialect::V2) {
                Scalar::Int(value) => value.to_string(),
                Scalar::Uint(value) => value.to_string(),
                Scalar::Float(value) => format_f64_g(value),
                _ => json,
            }
        }
        _ => number.to_string(),
    }
}

/// The style of a text: go-yaml's wish, then what libyaml's analysis lets stand.
fn style_of(text: &str, context: Context) -> Style {
    let wished = if text.contains('\n') {
        Style::Literal
    } else if matches!(resolve_plain(text, Dialect::V2), Scalar::Text) && !is_base60(text) {
        Style::Plain
    } else {
        Style::Double
    };
    let analysis = Analysis::of(text);
    let mut style = wished;
    if context.simple_key && analysis.multiline {
        style = Style::Double;
    }
    if style == Style::Plain && (!analysis.plain_allowed || (text.is_empty() && context.simple_key))
    {
        style = Style::Single;
    }
    if style == Style::Single && !analysis.single_allowed {
        style = Style::Double;
    }
    if style == Style::Literal && (!analysis.block_allowed || context.simple_key) {
        style = Style::Double;
    }
    style
}

/// What a text's characters allow.
struct Analysis {
    multiline: bool,
    plain_allowed: bool,
    single_allowed: bool,
    block_allowed: bool,
}

impl Analysis {
    fn of(text: &str) -> Self {
        let mut indicators = text.starts_with("---") || text.starts_with("...");
        let mut line_breaks = false;
        let mut special = false;
        let mut edge = false;
        let mut trailing_space = false;
        let mut break_space = false;
        let mut space_break = false;
        let mut after_blank = true;
        let mut after_space = false;
        let mut after_break = false;
        let mut chars = text.chars().peekable();
        let mut first = true;
        while let Some(c) = chars.next() {
            let next = chars.peek().copied();
            let before_blank = next.is_none_or(|n| n == ' ' || n == '\t');
            indicators |= match c {
                '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"'
                | '%' | '@' | '`'
                    if first =>
                {
                    true
                }
                '?' | '-' if first => before_blank,
                ':' => before_blank,
                '#' => after_blank,
                _ => false,
            };
            special |= !is_printable(c);
            let at_edge = first || next.is_none();
            if c == ' ' {
                edge |= at_edge;
                trailing_space |= next.is_none();
                break_space |= after_break;
                (after_space, after_break) = (true, false);
            } else if is_break(c) {
                line_breaks = true;
                edge |= at_edge;
                space_break |= after_space;
                (after_space, after_break) = (false, true);
            } else {
                (after_space, after_break) = (false, false);
            }
            after_blank = c == ' ' || c == '\t' || c == '\0' || is_break(c);
            first = false;
        }
        let unquotable = space_break || special;
        Self {
            multiline: line_breaks,
            plain_allowed: !(edge || break_space || unquotable || line_breaks || indicators),
            single_allowed: !(break_space || unquotable),
            block_allowed: !(trailing_space || unquotable || text.is_empty()),
        }
    }
}

/// What go-yaml writes unescaped; characters beyond the first plane are not among it.
fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && c != '\u{feff}'
}

fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}
