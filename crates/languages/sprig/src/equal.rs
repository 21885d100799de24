//! `reflect.DeepEqual` over template values.

use argosy_gotmpl::{CallCx, FuncError, Value};
use std::collections::HashSet;

/// How deep values are followed: maps may hold themselves.
pub(crate) const MAX_DEPTH: usize = 1000;

/// What is said of a value that nests too deep.
pub(crate) const TOO_DEEP: &str = "value nests deeper than 1000 levels";

/// Whether two values are deeply equal: of one type, and equal in all parts.
pub(crate) fn deep_equal(
    cx: &mut CallCx<'_>,
    left: &Value,
    right: &Value,
) -> Result<bool, FuncError> {
    equal(cx, left, right, MAX_DEPTH)
}

fn equal(
    cx: &mut CallCx<'_>,
    left: &Value,
    right: &Value,
    depth: usize,
) -> Result<bool, FuncError> {
    cx.charge(0)?;
    let depth = depth
        .checked_sub(1)
        .ok_or_else(|| FuncError::limit(TOO_DEEP))?;
    Ok(match (left, right) {
        (Value::Nil, Value::Nil) => true,
        (Value::Bool(l), Value::Bool(r)) => l == r,
        (Value::Int(l), Value::Int(r))
        | (Value::Int64(l), Value::Int64(r))
        | (Value::Duration(l), Value::Duration(r)) => l == r,
        (Value::Float(l), Value::Float(r)) => l == r,
        (Value::Str(l), Value::Str(r)) => l == r,
        (Value::Bytes(l), Value::Bytes(r)) => l == r,
        (Value::Time(l), Value::Time(r)) => {
            l == r && l.zoned().time_zone() == r.zoned().time_zone()
        }
        (Value::List(l), Value::List(r)) => {
            let alike =
                l.elem() == r.elem() && l.is_nil_slice() == r.is_nil_slice() && l.len() == r.len();
            if !alike {
                return Ok(false);
            }
            for (l, r) in l.iter().zip(r.iter()) {
                if !equal(cx, l, r, depth)? {
                    return Ok(false);
                }
            }
            true
        }
        (Value::Map(l), Value::Map(r)) => {
            if l.ptr_eq(r) {
                return Ok(true);
            }
            let (left, right) = (l.snapshot(), r.snapshot());
            if l.elem() != r.elem() || left.len() != right.len() {
                return Ok(false);
            }
            for ((l_key, l), (r_key, r)) in left.iter().zip(right.iter()) {
                if l_key != r_key || !equal(cx, l, r, depth)? {
                    return Ok(false);
                }
            }
            true
        }
        (Value::Host(l), Value::Host(r)) => match (l.plain(), r.plain()) {
            (Some(left), Some(right)) => {
                l.go_type() == r.go_type() && equal(cx, &left, &right, depth)?
            }
            _ => std::sync::Arc::ptr_eq(l, r),
        },
        _ => false,
    })
}

/// A set of values by deep equality; plain ones are found by hash, others one by one.
#[derive(Default)]
pub(crate) struct Seen {
    plain: HashSet<Plain>,
    others: Vec<Value>,
}

#[derive(PartialEq, Eq, Hash)]
enum Plain {
    Nil,
    Bool(bool),
    Int(i64),
    Int64(i64),
    Float(u64),
    Str(Vec<u8>),
}

impl Seen {
    pub(crate) fn of(cx: &mut CallCx<'_>, values: &[Value]) -> Result<Self, FuncError> {
        let mut seen = Self::default();
        for value in values {
            seen.insert(cx, value)?;
        }
        Ok(seen)
    }

    pub(crate) fn contains(&self, cx: &mut CallCx<'_>, value: &Value) -> Result<bool, FuncError> {
        if let Some(plain) = plain(value) {
            return Ok(self.plain.contains(&plain));
        }
        for other in &self.others {
            if deep_equal(cx, value, other)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the value was not there yet.
    pub(crate) fn insert(&mut self, cx: &mut CallCx<'_>, value: &Value) -> Result<bool, FuncError> {
        if let Some(plain) = plain(value) {
            return Ok(self.plain.insert(plain));
        }
        if self.contains(cx, value)? {
            return Ok(false);
        }
        self.others.push(value.clone());
        Ok(true)
    }
}

fn plain(value: &Value) -> Option<Plain> {
    Some(match value {
        Value::Nil => Plain::Nil,
        Value::Bool(flag) => Plain::Bool(*flag),
        Value::Int(int) => Plain::Int(*int),
        Value::Int64(int) => Plain::Int64(*int),
        Value::Float(float) if float.is_nan() => return None,
        // 0 and -0 are equal.
        Value::Float(float) => Plain::Float((float + 0.0).to_bits()),
        Value::Str(text) => Plain::Str(text.as_bytes().to_vec()),
        _ => return None,
    })
}
