//! Go's `fmt` for template values: `Sprintf`, `Sprint`, `Sprintln`, with every verb, flag and
//! error form.
//!
//! This file walks formats and values; `gofmt/layout.rs` lays out numbers and text under flags.

mod layout;

use crate::container::Elem;
use crate::quote::decode;
use crate::value::{GoStr, Value};
use layout::{Flags, Layout};

/// The Go type of a value, as `%T` prints it.
pub fn type_name(value: &Value) -> &str {
    match value {
        Value::Nil => "<nil>",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Int64(_) => "int64",
        Value::Float(_) => "float64",
        Value::Str(_) => "string",
        Value::Bytes(_) => "[]uint8",
        Value::List(items) => match items.elem() {
            Elem::Any => "[]interface {}",
            Elem::Str => "[]string",
            Elem::Int => "[]int",
            Elem::Lists => "[][]interface {}",
        },
        Value::Map(map) => match map.elem() {
            Elem::Str => "map[string]string",
            _ => "map[string]interface {}",
        },
        Value::Time(_) => "time.Time",
        Value::Duration(_) => "time.Duration",
        Value::Host(host) => host.go_type(),
    }
}

/// The greatest text one call may make: padding makes it easy to ask for gigabytes.
const MAX_BYTES: usize = 64 << 20;

/// `fmt.Sprintf`.
///
/// Compat: Go 1.26. Output beyond 64 MiB is cut.
pub fn sprintf(format: &str, args: &[Value]) -> GoStr {
    sprintf_bytes(format.as_bytes(), args)
}

/// `fmt.Sprintf` for a format that may not be UTF-8.
pub fn sprintf_bytes(format: &[u8], args: &[Value]) -> GoStr {
    let mut printer = Printer::default();
    printer.printf(format, args);
    GoStr::from(printer.out.buffer)
}

/// `fmt.Sprint`: a space between operands when neither is a string.
pub fn sprint(args: &[Value]) -> GoStr {
    let mut printer = Printer::default();
    let mut after_text = false;
    for (index, arg) in args.iter().enumerate() {
        let is_text = matches!(arg, Value::Str(_));
        if index > 0 && !is_text && !after_text {
            printer.out.push(b' ');
        }
        printer.arg(arg, 'v');
        after_text = is_text;
    }
    GoStr::from(printer.out.buffer)
}

/// `fmt.Sprintln`.
pub fn sprintln(args: &[Value]) -> GoStr {
    let mut printer = Printer::default();
    for (index, arg) in args.iter().enumerate() {
        if index > 0 {
            printer.out.push(b' ');
        }
        printer.arg(arg, 'v');
    }
    printer.out.push(b'\n');
    GoStr::from(printer.out.buffer)
}

/// Appends what `%v` prints, without the detour of a format.
pub fn append_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Str(text) => out.extend_from_slice(text.as_bytes()),
        Value::Bool(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
        Value::Int(int) | Value::Int64(int) => {
            use std::io::Write;
            write!(out, "{int}").expect("writing to memory cannot fail");
        }
        Value::Float(float) => {
            let text = crate::float::format_float(*float, b'g', None);
            out.extend_from_slice(text.as_bytes());
        }
        _ => {
            let mut printer = Printer::default();
            std::mem::swap(&mut printer.out.buffer, out);
            printer.out.limit = printer.out.buffer.len().saturating_add(MAX_BYTES);
            printer.arg(value, 'v');
            std::mem::swap(&mut printer.out.buffer, out);
        }
    }
}

#[derive(Default)]
struct Printer {
    out: Layout,
    reordered: bool,
    good_index: bool,
    /// Set while an error form is printed: methods are not consulted then.
    erroring: bool,
}

impl Printer {
    fn printf(&mut self, format: &[u8], args: &[Value]) {
        let (mut at, mut arg) = (0, 0);
        let mut after_index;
        while at < format.len() {
            self.good_index = true;
            let text = format[at..]
                .iter()
                .take_while(|byte| **byte != b'%')
                .count();
            self.out.text(&format[at..at + text]);
            at += text;
            if at >= format.len() {
                break;
            }
            at += 1;
            self.out.flags = Flags::default();
            at = self.flags(format, at);
            (arg, at, after_index) = self.arg_number(arg, format, at, args.len());
            (arg, at, after_index) = self.width(arg, format, at, args, after_index);
            (arg, at, after_index) = self.precision(arg, format, at, args, after_index);
            if !after_index {
                (arg, at, _) = self.arg_number(arg, format, at, args.len());
            }
            if at >= format.len() {
                self.out.text(b"%!(NOVERB)");
                break;
            }
            let (verb, size) = decode(&format[at..]);
            let verb = verb.unwrap_or('\u{fffd}');
            at += size;
            arg = self.verb(verb, arg, args);
        }
        if !self.reordered && arg < args.len() {
            self.extra(&args[arg..]);
        }
    }

    fn flags(&mut self, format: &[u8], mut at: usize) -> usize {
        while let Some(byte) = format.get(at) {
            match byte {
                b'#' => self.out.flags.sharp = true,
                b'0' => self.out.flags.zero = true,
                b'+' => self.out.flags.plus = true,
                b'-' => self.out.flags.minus = true,
                b' ' => self.out.flags.space = true,
                _ => break,
            }
            at += 1;
        }
        at
    }

    /// Handles one verb and returns the index of the next argument.
    fn verb(&mut self, verb: char, arg: usize, args: &[Value]) -> usize {
        if verb == '%' {
            self.out.push(b'%');
            return arg;
        }
        if !self.good_index {
            self.note(verb, "(BADINDEX)");
            return arg;
        }
        let Some(value) = args.get(arg) else {
            self.note(verb, "(MISSING)");
            return arg;
        };
        if matches!(verb, 'v' | 'w') {
            let flags = &mut self.out.flags;
            flags.sharp_v = std::mem::take(&mut flags.sharp);
            flags.plus_v = std::mem::take(&mut flags.plus);
        }
        self.arg(value, verb);
        arg + 1
    }

    fn note(&mut self, verb: char, text: &str) {
        self.out.text(b"%!");
        self.out.rune(verb);
        self.out.text(text.as_bytes());
    }

    fn extra(&mut self, args: &[Value]) {
        self.out.flags = Flags::default();
        self.out.text(b"%!(EXTRA ");
        for (index, arg) in args.iter().enumerate() {
            if index > 0 {
                self.out.text(b", ");
            }
            if arg.is_nil() {
                self.out.text(b"<nil>");
            } else {
                self.out.text(type_name(arg).as_bytes());
                self.out.push(b'=');
                self.arg(arg, 'v');
            }
        }
        self.out.push(b')');
    }

    fn width(
        &mut self,
        arg: usize,
        format: &[u8],
        at: usize,
        args: &[Value],
        after_index: bool,
    ) -> (usize, usize, bool) {
        if format.get(at) == Some(&b'*') {
            let width = int_arg(args, arg);
            match width {
                None => self.out.text(b"%!(BADWIDTH)"),
                Some(width) if width < 0 => {
                    self.out.flags.minus = true;
                    self.out.flags.zero = false;
                }
                Some(_) => {}
            }
            self.out.flags.width = width.map(|width| width.unsigned_abs() as usize);
            let next = if arg < args.len() { arg + 1 } else { arg };
            return (next, at + 1, false);
        }
        let (width, next) = number(format, at, format.len());
        self.out.flags.width = width;
        if after_index && width.is_some() {
            self.good_index = false;
        }
        (arg, next, after_index)
    }

    fn precision(
        &mut self,
        arg: usize,
        format: &[u8],
        at: usize,
        args: &[Value],
        after_index: bool,
    ) -> (usize, usize, bool) {
        if at + 1 >= format.len() || format[at] != b'.' {
            return (arg, at, after_index);
        }
        if after_index {
            self.good_index = false;
        }
        let (arg, at, after_index) = self.arg_number(arg, format, at + 1, args.len());
        if format.get(at) == Some(&b'*') {
            let precision = int_arg(args, arg).and_then(|value| usize::try_from(value).ok());
            if precision.is_none() {
                self.out.text(b"%!(BADPREC)");
            }
            self.out.flags.precision = precision;
            let next = if arg < args.len() { arg + 1 } else { arg };
            return (next, at + 1, false);
        }
        let (precision, next) = number(format, at, format.len());
        self.out.flags.precision = Some(precision.unwrap_or(0));
        (arg, next, after_index)
    }

    /// Reads an explicit argument index such as `[2]`.
    fn arg_number(
        &mut self,
        arg: usize,
        format: &[u8],
        at: usize,
        count: usize,
    ) -> (usize, usize, bool) {
        if format.get(at) != Some(&b'[') {
            return (arg, at, false);
        }
        self.reordered = true;
        let rest = &format[at..];
        let Some(close) = rest
            .iter()
            .position(|byte| *byte == b']')
            .filter(|_| rest.len() >= 3)
        else {
            self.good_index = false;
            return (arg, at + 1, false);
        };
        let (index, end) = number(rest, 1, close);
        match index {
            Some(index) if end == close && (1..=count).contains(&index) => {
                (index - 1, at + close + 1, true)
            }
            found => {
                self.good_index = false;
                (arg, at + close + 1, found.is_some() && end == close)
            }
        }
    }

    fn bad_verb(&mut self, verb: char, value: &Value) {
        self.erroring = true;
        self.out.text(b"%!");
        self.out.rune(verb);
        self.out.push(b'(');
        if value.is_nil() {
            self.out.text(b"<nil>");
        } else {
            self.out.text(type_name(value).as_bytes());
            self.out.push(b'=');
            self.value(value, 'v', 0);
        }
        self.out.push(b')');
        self.erroring = false;
    }

    /// Prints one operand at the top.
    fn arg(&mut self, value: &Value, verb: char) {
        match (value, verb) {
            (Value::Nil, 'T' | 'v') => self.out.pad(b"<nil>"),
            (Value::Nil, _) => self.bad_verb(verb, value),
            (_, 'T') => self.out.string(type_name(value).as_bytes()),
            (_, 'p') => self.pointer(value),
            (Value::Bytes(_), 'w') => self.value(value, verb, 0),
            (_, 'w') => self.bad_verb(verb, value),
            _ => self.value(value, verb, 0),
        }
    }

    /// Addresses mean nothing here: those of lists and maps print as one constant.
    fn pointer(&mut self, value: &Value) {
        match value {
            Value::List(_) | Value::Map(_) | Value::Bytes(_) | Value::Host(_) => {
                let sharp = std::mem::replace(&mut self.out.flags.sharp, true);
                self.out.flags.sharp = !sharp;
                self.out.integer(0xc0_0000_0000, false, 16, 'v', false);
                self.out.flags.sharp = sharp;
            }
            _ => self.bad_verb('p', value),
        }
    }

    fn value(&mut self, value: &Value, verb: char, depth: usize) {
        if depth > 500 || self.out.full() {
            self.out.text(b"...");
            return;
        }
        match value {
            Value::Nil if self.out.flags.sharp_v => self.out.text(b"interface {}(nil)"),
            Value::Nil => self.out.text(b"<nil>"),
            Value::Bool(flag) => match verb {
                't' | 'v' => self.out.pad(if *flag { b"true" } else { b"false" }),
                _ => self.bad_verb(verb, value),
            },
            Value::Int(int) | Value::Int64(int) => self.integer(*int, verb, value),
            Value::Float(float) => self.float(*float, verb, value),
            Value::Str(text) => self.text(text.as_bytes(), verb, value),
            Value::Bytes(bytes) => self.bytes(bytes, verb, value),
            Value::List(items) if self.out.flags.sharp_v => {
                self.out.text(type_name(value).as_bytes());
                if items.is_nil_slice() {
                    self.out.text(b"(nil)");
                } else {
                    self.list(items, verb, depth);
                }
            }
            Value::List(items) => self.list(items, verb, depth),
            Value::Map(map) => {
                if self.out.flags.sharp_v {
                    self.out.text(type_name(value).as_bytes());
                }
                self.map(&map.snapshot(), verb, depth);
            }
            Value::Time(time) => {
                let text = crate::gotime::display(time);
                if self.out.flags.sharp_v {
                    self.out.string(crate::gotime::go_string(time).as_bytes());
                } else {
                    self.method(&text, verb, value);
                }
            }
            Value::Duration(nanos) => {
                let stringable = matches!(verb, 'v' | 's' | 'x' | 'X' | 'q');
                if stringable && !self.out.flags.sharp_v && !self.erroring {
                    self.text(crate::gotime::duration_text(*nanos).as_bytes(), verb, value);
                } else {
                    self.integer(*nanos, verb, value);
                }
            }
            Value::Host(host) => match (host.display(), host.plain()) {
                (Some(text), _) if !self.erroring => self.method(&text, verb, value),
                (_, Some(plain)) => self.value(&plain, verb, depth + 1),
                _ => self.out.text(b"{}"),
            },
        }
    }

    /// Prints through a `String` method, where the verb can print a string.
    fn method(&mut self, text: &str, verb: char, value: &Value) {
        if self.erroring {
            self.out.text(text.as_bytes());
        } else if matches!(verb, 'v' | 's' | 'x' | 'X' | 'q') {
            self.text(text.as_bytes(), verb, value);
        } else {
            self.bad_verb(verb, value);
        }
    }

    fn integer(&mut self, int: i64, verb: char, value: &Value) {
        let bits = int as u64;
        match verb {
            'v' | 'd' => self.out.integer(bits, true, 10, verb, false),
            'b' => self.out.integer(bits, true, 2, verb, false),
            'o' | 'O' => self.out.integer(bits, true, 8, verb, false),
            'x' => self.out.integer(bits, true, 16, verb, false),
            'X' => self.out.integer(bits, true, 16, verb, true),
            'c' => self.out.character(bits),
            'q' => self.out.quoted_character(bits),
            'U' => self.out.unicode(bits),
            _ => self.bad_verb(verb, value),
        }
    }

    fn float(&mut self, float: f64, verb: char, value: &Value) {
        match verb {
            'v' => self.out.float(float, b'g', None),
            'b' | 'g' | 'G' | 'x' | 'X' => self.out.float(float, verb as u8, None),
            'f' | 'e' | 'E' => self.out.float(float, verb as u8, Some(6)),
            'F' => self.out.float(float, b'f', Some(6)),
            _ => self.bad_verb(verb, value),
        }
    }

    fn text(&mut self, text: &[u8], verb: char, value: &Value) {
        match verb {
            'v' if self.out.flags.sharp_v => self.out.quoted(text),
            'v' | 's' => self.out.string(text),
            'x' => self.out.hex(text, false),
            'X' => self.out.hex(text, true),
            'q' => self.out.quoted(text),
            _ => self.bad_verb(verb, value),
        }
    }

    fn bytes(&mut self, bytes: &[u8], verb: char, value: &Value) {
        match verb {
            's' => self.out.string(bytes),
            'x' => self.out.hex(bytes, false),
            'X' => self.out.hex(bytes, true),
            'q' => self.out.quoted(bytes),
            'v' if self.out.flags.sharp_v => {
                self.out.text(b"[]byte{");
                for (index, byte) in bytes.iter().enumerate() {
                    if index > 0 {
                        self.out.text(b", ");
                    }
                    let sharp = std::mem::replace(&mut self.out.flags.sharp, true);
                    self.out.integer(u64::from(*byte), false, 16, 'v', false);
                    self.out.flags.sharp = sharp;
                }
                self.out.push(b'}');
            }
            _ => {
                self.out.push(b'[');
                for (index, byte) in bytes.iter().enumerate() {
                    if index > 0 {
                        self.out.push(b' ');
                    }
                    match verb {
                        'v' | 'd' | 'b' | 'o' | 'O' | 'c' | 'U' => {
                            self.integer(i64::from(*byte), verb, value);
                        }
                        _ => {
                            self.note(verb, "(uint8=");
                            self.integer(i64::from(*byte), 'v', value);
                            self.out.push(b')');
                        }
                    }
                }
                self.out.push(b']');
            }
        }
    }

    fn list(&mut self, items: &[Value], verb: char, depth: usize) {
        let sharp = self.out.flags.sharp_v;
        self.out.push(if sharp { b'{' } else { b'[' });
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.out.text(if sharp { b", " } else { b" " });
            }
            self.value(item, verb, depth + 1);
        }
        self.out.push(if sharp { b'}' } else { b']' });
    }

    fn map(&mut self, map: &crate::value::Map, verb: char, depth: usize) {
        let sharp = self.out.flags.sharp_v;
        self.out.text(if sharp { b"{" } else { b"map[" });
        for (index, (key, item)) in map.iter().enumerate() {
            if index > 0 {
                self.out.text(if sharp { b", " } else { b" " });
            }
            self.text(key.as_bytes(), verb, &Value::Str(key.clone()));
            self.out.push(b':');
            self.value(item, verb, depth + 1);
        }
        self.out.push(if sharp { b'}' } else { b']' });
    }
}

/// Widths and precisions beyond a million are refused.
const TOO_LARGE: i64 = 1_000_000;

fn int_arg(args: &[Value], index: usize) -> Option<i64> {
    match args.get(index) {
        Some(Value::Int(int) | Value::Int64(int) | Value::Duration(int)) => {
            Some(*int).filter(|int| (-TOO_LARGE..=TOO_LARGE).contains(int))
        }
        _ => None,
    }
}

/// Reads decimal digits of `format[at..end]`; too many of them are no number and end the format.
fn number(format: &[u8], at: usize, end: usize) -> (Option<usize>, usize) {
    if at >= end {
        return (None, end);
    }
    let (mut value, mut next) = (None, at);
    while next < end && format[next].is_ascii_digit() {
        let so_far = value.unwrap_or(0);
        if so_far > TOO_LARGE as usize {
            return (None, end);
        }
        value = Some(so_far * 10 + usize::from(format[next] - b'0'));
        next += 1;
    }
    (value, next)
}
