//! `std`, natively.

mod arrays;
mod codecs;
mod format;
mod hashes;
mod math;
mod objects;
mod output;
mod sets;
mod strings;
mod text;
mod toml;
mod types;
mod xml;
mod yaml;

pub(crate) use arrays::slice;
pub(crate) use format::format;

use crate::ast::{Sym, Visibility};
use crate::error::JsonnetError;
use crate::eval::{Interpreter, Outcome, wrong_type};
use crate::heap::{Field, ObjectId, ThunkId};
use crate::value::{Function, List, Names, Text, Value};
use std::collections::HashMap;
use std::rc::Rc;

/// A function of `std`.
#[derive(Debug)]
pub(crate) struct Builtin {
    pub(crate) name: &'static str,
    /// Names of parameters; a question mark ends those that may be missing.
    pub(crate) params: &'static [&'static str],
    pub(crate) run: Run,
}

#[derive(Clone, Copy)]
pub(crate) enum Run {
    /// Its arguments are evaluated before.
    Eager(fn(&mut Interpreter<'_>, Args<'_>) -> Outcome),
    /// It evaluates those that it needs.
    Lazy(fn(&mut Interpreter<'_>, &[Option<ThunkId>]) -> Outcome),
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("fn")
    }
}

type Table = &'static [Builtin];

const TABLES: [Table; 9] = [
    types::TABLE,
    math::TABLE,
    arrays::TABLE,
    sets::TABLE,
    objects::TABLE,
    strings::TABLE,
    text::TABLE,
    codecs::TABLE,
    output::TABLE,
];

const fn eager(
    name: &'static str,
    params: &'static [&'static str],
    run: fn(&mut Interpreter<'_>, Args<'_>) -> Outcome,
) -> Builtin {
    Builtin {
        name,
        params,
        run: Run::Eager(run),
    }
}

/// The fields of `std`, all hidden.
pub(crate) fn fields(names: &mut Names) -> HashMap<Sym, Field> {
    let mut fields = HashMap::new();
    for builtin in TABLES.into_iter().flatten() {
        let value = Value::Function(Rc::new(Function::Builtin(builtin)));
        let field = Field::ready(value, Visibility::Hidden);
        fields.insert(names.intern(builtin.name), field);
    }
    let pi = Field::ready(Value::Number(std::f64::consts::PI), Visibility::Hidden);
    fields.insert(names.intern("pi"), pi);
    fields
}

/// Arguments, each of the type that is asked for or an error.
#[derive(Clone, Copy)]
pub(crate) struct Args<'v>(pub(crate) &'v [Option<Value>]);

impl<'v> Args<'v> {
    fn get(self, at: usize) -> Option<&'v Value> {
        self.0[at].as_ref()
    }

    fn value(self, at: usize) -> &'v Value {
        self.get(at)
            .expect("parameters without a question mark are given")
    }

    fn text(self, at: usize) -> Result<&'v Rc<Text>, JsonnetError> {
        match self.value(at) {
            Value::Text(text) => Ok(text),
            other => Err(wrong_type(other, "string")),
        }
    }

    fn str(self, at: usize) -> Result<&'v str, JsonnetError> {
        self.text(at).map(|text| text.as_str())
    }

    fn number(self, at: usize) -> Result<f64, JsonnetError> {
        match self.value(at) {
            Value::Number(number) => Ok(*number),
            other => Err(wrong_type(other, "number")),
        }
    }

    /// Compat: an integer of 32 bits.
    fn int(self, at: usize) -> Result<i64, JsonnetError> {
        int(self.value(at))
    }

    fn boolean(self, at: usize) -> Result<bool, JsonnetError> {
        match self.value(at) {
            Value::Bool(value) => Ok(*value),
            other => Err(wrong_type(other, "boolean")),
        }
    }

    fn array(self, at: usize) -> Result<&'v List, JsonnetError> {
        match self.value(at) {
            Value::Array(list) => Ok(list),
            other => Err(wrong_type(other, "array")),
        }
    }

    fn object(self, at: usize) -> Result<ObjectId, JsonnetError> {
        match self.value(at) {
            Value::Object(object) => Ok(*object),
            other => Err(wrong_type(other, "object")),
        }
    }

    fn function(self, at: usize) -> Result<&'v Rc<Function>, JsonnetError> {
        match self.value(at) {
            Value::Function(function) => Ok(function),
            other => Err(wrong_type(other, "function")),
        }
    }
}

fn int(value: &Value) -> Result<i64, JsonnetError> {
    match value {
        Value::Number(number) if f64::from(*number as i32) == *number => Ok(*number as i64),
        Value::Number(number) => Err(JsonnetError::new(format!(
            "Expected an integer, but got {number}"
        ))),
        other => Err(wrong_type(other, "number")),
    }
}

fn fail<T>(text: impl Into<String>) -> Result<T, JsonnetError> {
    Err(JsonnetError::new(text))
}

/// The elements of an array, or the characters of a string.
fn elements(cx: &mut Interpreter<'_>, value: &Value) -> Result<List, JsonnetError> {
    match value {
        Value::Array(list) => Ok(list.clone()),
        Value::Text(text) => {
            let mut list = Vec::with_capacity(text.chars());
            for c in text.as_str().chars() {
                let c = cx.heap.text(c.to_string())?;
                list.push(cx.heap.done(c)?);
            }
            Ok(Rc::new(list))
        }
        other => Err(wrong_type(other, "array")),
    }
}
