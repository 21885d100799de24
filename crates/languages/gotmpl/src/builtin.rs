//! The functions that every template has: Go's predefined ones, with their type rules.

use crate::container::List;
use crate::func::{FuncError, Ty};
use crate::gofmt::{sprint, sprintf_bytes, sprintln, type_name};
use crate::quote::{decode, is_print};
use crate::slot::Slot;
use crate::value::{GoStr, Value};

/// A predefined function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Builtin {
    And,
    Call,
    Eq,
    Ge,
    Gt,
    Html,
    Index,
    Js,
    Le,
    Len,
    Lt,
    Ne,
    Not,
    Or,
    Print,
    Printf,
    Println,
    Slice,
    Urlquery,
}

type Result<T> = std::result::Result<T, FuncError>;

impl Builtin {
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "and" => Self::And,
            "call" => Self::Call,
            "eq" => Self::Eq,
            "ge" => Self::Ge,
            "gt" => Self::Gt,
            "html" => Self::Html,
            "index" => Self::Index,
            "js" => Self::Js,
            "le" => Self::Le,
            "len" => Self::Len,
            "lt" => Self::Lt,
            "ne" => Self::Ne,
            "not" => Self::Not,
            "or" => Self::Or,
            "print" => Self::Print,
            "printf" => Self::Printf,
            "println" => Self::Println,
            "slice" => Self::Slice,
            "urlquery" => Self::Urlquery,
            _ => return None,
        })
    }

    /// Parameter types, and whether the last one repeats.
    pub fn params(self) -> (&'static [Ty], bool) {
        match self {
            Self::And | Self::Or | Self::Call | Self::Index | Self::Slice | Self::Eq => {
                (&[Ty::Raw, Ty::Raw], true)
            }
            Self::Len | Self::Not => (&[Ty::Raw], false),
            Self::Ne | Self::Lt | Self::Le | Self::Gt | Self::Ge => (&[Ty::Raw, Ty::Raw], false),
            Self::Print | Self::Println | Self::Html | Self::Js | Self::Urlquery => {
                (&[Ty::Any], true)
            }
            Self::Printf => (&[Ty::String, Ty::Any], true),
        }
    }

    /// Calls the function. `and`, `or` and the callee's name for `call` are the evaluator's.
    pub fn call(self, args: Vec<Slot>) -> Result<Slot> {
        let flag = |flag| Ok(Slot::Val(Value::Bool(flag)));
        let text = |text| Ok(Slot::Val(Value::Str(text)));
        match self {
            Self::And | Self::Or | Self::Call => Ok(Slot::Invalid),
            Self::Eq => flag(equal(args[0].value(), &args[1..])?),
            Self::Ne => flag(!equal(args[0].value(), &args[1..])?),
            Self::Lt => flag(less(args[0].value(), args[1].value())?),
            Self::Le => flag(less_or_equal(&args)?),
            Self::Gt => flag(!less_or_equal(&args)?),
            Self::Ge => flag(!less(args[0].value(), args[1].value())?),
            Self::Html => text(escape_html(&text_of(args))),
            Self::Js => text(escape_js(&text_of(args))),
            Self::Urlquery => text(escape_query(&text_of(args))),
            Self::Index => index(args),
            Self::Slice => slice(&args),
            Self::Len => length(&args[0]).map(|count| Slot::Val(Value::Int(count as i64))),
            Self::Not => flag(!args[0].truth()),
            Self::Print => text(sprint(&values(args))),
            Self::Println => text(sprintln(&values(args))),
            Self::Printf => {
                let args = values(args);
                let Some((Value::Str(format), rest)) = args.split_first() else {
                    return Err(FuncError::new("format is not a string"));
                };
                text(sprintf_bytes(format.as_bytes(), rest))
            }
        }
    }

    /// Whether it prints its arguments, all of what they hold.
    pub(crate) fn prints(self) -> bool {
        use Builtin::{Html, Js, Print, Printf, Println, Urlquery};
        matches!(self, Html | Js | Print | Printf | Println | Urlquery)
    }
}

fn values(args: Vec<Slot>) -> Vec<Value> {
    args.into_iter().map(Slot::into_value).collect()
}

/// The kinds that compare with each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Basic {
    None,
    Bool,
    Int,
    Float,
    Text,
}

fn basic(value: &Value) -> Basic {
    match value {
        Value::Bool(_) => Basic::Bool,
        Value::Int(_) | Value::Int64(_) | Value::Duration(_) => Basic::Int,
        Value::Float(_) => Basic::Float,
        Value::Str(_) => Basic::Text,
        _ => Basic::None,
    }
}

fn int(value: &Value) -> i64 {
    match value {
        Value::Int(int) | Value::Int64(int) | Value::Duration(int) => *int,
        _ => 0,
    }
}

fn incompatible(left: &Value, right: &Value) -> FuncError {
    FuncError::new(format!(
        "incompatible types for comparison: {} and {}",
        type_name(left),
        type_name(right)
    ))
}

fn equal(left: &Value, others: &[Slot]) -> Result<bool> {
    if others.is_empty() {
        return Err(FuncError::new("missing argument for comparison"));
    }
    for right in others {
        if same(left, right.value())? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn same(left: &Value, right: &Value) -> Result<bool> {
    let kind = basic(left);
    if kind != basic(right) {
        if left.is_nil() || right.is_nil() {
            return Ok(false);
        }
        return Err(incompatible(left, right));
    }
    Ok(match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Float(left), Value::Float(right)) => left == right,
        (Value::Str(left), Value::Str(right)) => left == right,
        _ if kind == Basic::Int => int(left) == int(right),
        (Value::Nil, _) | (_, Value::Nil) => left.is_nil() == right.is_nil(),
        (Value::Time(left), Value::Time(right)) => left == right,
        (Value::Host(left), Value::Host(right)) => std::sync::Arc::ptr_eq(left, right),
        _ if std::mem::discriminant(left) != std::mem::discriminant(right) => {
            let text = sprintf_bytes(
                b"non-comparable types %s: %v, %s: %v",
                &[
                    left.clone(),
                    type_name(left).into(),
                    type_name(right).into(),
                    right.clone(),
                ],
            );
            return Err(FuncError::new(text.to_string()));
        }
        _ => {
            let args = [right.clone(), type_name(right).into()];
            let text = sprintf_bytes(b"non-comparable type %s: %v", &args);
            return Err(FuncError::new(text.to_string()));
        }
    })
}

fn less(left: &Value, right: &Value) -> Result<bool> {
    let bad = || FuncError::new("invalid type for comparison");
    let (left_kind, right_kind) = (basic(left), basic(right));
    if left_kind == Basic::None || right_kind == Basic::None {
        return Err(bad());
    }
    if left_kind != right_kind {
        return Err(incompatible(left, right));
    }
    match (left, right) {
        (Value::Float(left), Value::Float(right)) => Ok(left < right),
        (Value::Str(left), Value::Str(right)) => Ok(left < right),
        (Value::Bool(_), _) => Err(bad()),
        _ => Ok(int(left) < int(right)),
    }
}

fn less_or_equal(args: &[Slot]) -> Result<bool> {
    Ok(less(args[0].value(), args[1].value())? || equal(args[0].value(), &args[1..])?)
}

fn length(item: &Slot) -> Result<usize> {
    let value = match item {
        Slot::Invalid => {
            let message = "reflect: call of reflect.Value.Type on zero Value";
            return Err(FuncError::new(message));
        }
        Slot::Val(value) | Slot::Iface(value) => value.plain(),
    };
    match &value {
        Value::Nil => Err(FuncError::new("len of nil pointer")),
        Value::Str(text) => Ok(text.len()),
        Value::Bytes(bytes) => Ok(bytes.len()),
        Value::List(items) => Ok(items.len()),
        Value::Map(map) => Ok(map.len()),
        other => Err(FuncError::new(format!("len of type {}", type_name(other)))),
    }
}

fn index_arg(index: &Slot, limit: usize) -> Result<usize> {
    let number = match index {
        Slot::Val(Value::Int(int) | Value::Int64(int) | Value::Duration(int)) => *int,
        Slot::Invalid => return Err(FuncError::new("cannot index slice/array with nil")),
        Slot::Iface(_) => {
            return Err(FuncError::new(
                "cannot index slice/array with type interface {}",
            ));
        }
        Slot::Val(other) => {
            let message = format!("cannot index slice/array with type {}", type_name(other));
            return Err(FuncError::new(message));
        }
    };
    usize::try_from(number)
        .ok()
        .filter(|index| *index <= limit)
        .ok_or_else(|| FuncError::new(format!("index out of range: {number}")))
}

fn index(args: Vec<Slot>) -> Result<Slot> {
    let mut args = args.into_iter();
    let mut item = args.next().unwrap_or(Slot::Invalid).unwrapped();
    if matches!(item, Slot::Invalid) {
        return Err(FuncError::new("index of untyped nil"));
    }
    for index in args {
        let index = index.unwrapped();
        let whole = item.value().plain();
        let at = |count| index_arg(&index, count);
        item = match &whole {
            Value::Nil => return Err(FuncError::new("index of nil pointer")),
            Value::Str(text) => byte_at(text.as_bytes(), at(text.len())?, "string")?,
            Value::Bytes(bytes) => byte_at(bytes, at(bytes.len())?, "slice")?,
            Value::List(items) => match items.get(at(items.len())?) {
                Some(item) => Slot::Iface(item.clone()),
                None => return Err(FuncError::new("reflect: slice index out of range")),
            },
            Value::Map(map) => match index.value() {
                Value::Str(key) => Slot::Iface(map.get(key.as_bytes()).unwrap_or_default()),
                Value::Nil => {
                    return Err(FuncError::new("value is nil; should be of type string"));
                }
                other => {
                    let found = type_name(other);
                    let message = format!("value has type {found}; should be string");
                    return Err(FuncError::new(message));
                }
            },
            _ => {
                let message = format!("can't index item of type {}", type_name(item.value()));
                return Err(FuncError::new(message));
            }
        };
    }
    Ok(item)
}

fn byte_at(bytes: &[u8], index: usize, what: &str) -> Result<Slot> {
    match bytes.get(index) {
        Some(byte) => Ok(Slot::Val(Value::Int(i64::from(*byte)))),
        None => Err(FuncError::new(format!(
            "reflect: {what} index out of range"
        ))),
    }
}

fn slice(args: &[Slot]) -> Result<Slot> {
    let (item, indexes) = args.split_first().expect("the evaluator counts arguments");
    let whole = match item {
        Slot::Invalid | Slot::Iface(Value::Nil) => {
            return Err(FuncError::new("slice of untyped nil"));
        }
        other => other.value().plain(),
    };
    if indexes.len() > 3 {
        return Err(FuncError::new(format!(
            "too many slice indexes: {}",
            indexes.len()
        )));
    }
    let length = match &whole {
        Value::Str(_) if indexes.len() == 3 => {
            return Err(FuncError::new("cannot 3-index slice a string"));
        }
        Value::Str(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(items) => items.len(),
        other => {
            let message = format!("can't slice item of type {}", type_name(other));
            return Err(FuncError::new(message));
        }
    };
    let mut bounds = [0, length, length];
    for (bound, index) in bounds.iter_mut().zip(indexes) {
        *bound = index_arg(index, length)?;
    }
    for pair in bounds.windows(2).take(indexes.len().max(2) - 1) {
        if pair[0] > pair[1] {
            let message = format!("invalid slice index: {} > {}", pair[0], pair[1]);
            return Err(FuncError::new(message));
        }
    }
    let range = bounds[0]..bounds[1];
    Ok(Slot::Val(match &whole {
        Value::Str(text) => Value::str(text.as_bytes()[range].to_vec()),
        Value::Bytes(bytes) => Value::Bytes(bytes[range].into()),
        Value::List(items) => Value::List(List::typed(items[range].to_vec(), items.elem())),
        _ => Value::Nil,
    }))
}

/// What the escaping functions escape: their arguments as `print` would print them, but nil as
/// templates print it.
fn text_of(args: Vec<Slot>) -> GoStr {
    let mut values = values(args);
    if let [Value::Str(text)] = values.as_slice() {
        return text.clone();
    }
    for value in &mut values {
        if value.is_nil() {
            *value = Value::str("<no value>");
        }
    }
    sprint(&values)
}

fn escape_html(text: &GoStr) -> GoStr {
    let mut out = Vec::with_capacity(text.len());
    for byte in text.as_bytes() {
        match byte {
            0 => out.extend_from_slice("\u{fffd}".as_bytes()),
            b'"' => out.extend_from_slice(b"&#34;"),
            b'\'' => out.extend_from_slice(b"&#39;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            other => out.push(*other),
        }
    }
    GoStr::from(out)
}

fn escape_js(text: &GoStr) -> GoStr {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let (rune, width) = decode(&bytes[at..]);
        let escaped = match rune {
            Some('\\') => Some("\\\\".to_owned()),
            Some('\'') => Some("\\'".to_owned()),
            Some('"') => Some("\\\"".to_owned()),
            Some(rune @ ('<' | '>' | '&' | '=' | '\0'..='\x1f')) => {
                Some(format!("\\u{:04X}", rune as u32))
            }
            Some(rune) if !rune.is_ascii() && !is_print(rune) => {
                Some(format!("\\u{:04X}", rune as u32))
            }
            _ => None,
        };
        match escaped {
            Some(escaped) => out.extend_from_slice(escaped.as_bytes()),
            None => out.extend_from_slice(&bytes[at..at + width]),
        }
        at += width;
    }
    GoStr::from(out)
}

fn escape_query(text: &GoStr) -> GoStr {
    let mut out = Vec::with_capacity(text.len());
    for byte in text.as_bytes() {
        match byte {
            b' ' => out.push(b'+'),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(*byte),
            other => out.extend_from_slice(format!("%{other:02X}").as_bytes()),
        }
    }
    GoStr::from(out)
}
