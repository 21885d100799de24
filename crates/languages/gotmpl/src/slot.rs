//! A value as the evaluator holds it. Go's reflection tells three things apart that a template
//! author sees as one: no value at all, a value, and a value (or nil) inside an interface.

use crate::container::Elem;
use crate::func::Ty;
use crate::value::Value;

/// What an expression evaluates to.
#[derive(Clone, Debug)]
pub(crate) enum Slot {
    /// Go's zero `reflect.Value`: prints `<no value>`.
    Invalid,
    /// A value of its own type; never nil.
    Val(Value),
    /// What a map or a list holds: an `interface {}`, maybe nil.
    Iface(Value),
}

static NIL: Value = Value::Nil;

impl Slot {
    /// A value that stands for itself: nil is no value.
    pub fn concrete(value: Value) -> Self {
        if value.is_nil() {
            Self::Invalid
        } else {
            Self::Val(value)
        }
    }

    pub fn value(&self) -> &Value {
        match self {
            Self::Invalid => &NIL,
            Self::Val(value) | Self::Iface(value) => value,
        }
    }

    pub fn into_value(self) -> Value {
        match self {
            Self::Invalid => Value::Nil,
            Self::Val(value) | Self::Iface(value) => value,
        }
    }

    /// The thing inside the interface.
    pub fn unwrapped(self) -> Self {
        match self {
            Self::Iface(value) => Self::concrete(value),
            other => other,
        }
    }

    pub fn truth(&self) -> bool {
        self.value().truth()
    }
}

impl Value {
    /// Whether `if` takes it for true: not the zero or empty value of its type.
    pub fn truth(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(flag) => *flag,
            Self::Int(int) | Self::Int64(int) | Self::Duration(int) => *int != 0,
            Self::Float(float) => *float != 0.0,
            Self::Str(text) => !text.is_empty(),
            Self::Bytes(bytes) => !bytes.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Time(_) => true,
            Self::Host(host) => match host.plain() {
                Some(plain @ (Self::List(_) | Self::Str(_) | Self::Bytes(_))) => plain.truth(),
                Some(Self::Map(map)) => host.is_struct() || !map.is_empty(),
                _ => true,
            },
        }
    }

    /// The value itself, or the plain value of a host that is a named list, map or string.
    pub(crate) fn plain(&self) -> Self {
        match self {
            Self::Host(host) if !host.is_struct() => host.plain().unwrap_or_else(|| self.clone()),
            other => other.clone(),
        }
    }
}

impl Ty {
    /// The type as Go's errors spell it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::String => "string",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Int64 => "int64",
            Self::Float => "float64",
            Self::Bytes => "[]uint8",
            Self::List => "[]interface {}",
            Self::Strings => "[]string",
            Self::Map => "map[string]interface {}",
            Self::Time => "time.Time",
            Self::Duration => "time.Duration",
            Self::Raw => "reflect.Value",
        }
    }

    /// Whether Go's nil is a value of the type.
    pub(crate) fn can_be_nil(self) -> bool {
        matches!(
            self,
            Self::Any | Self::Raw | Self::Bytes | Self::List | Self::Strings | Self::Map
        )
    }

    /// Whether the value may be given to a parameter of the type.
    pub(crate) fn takes(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Any | Self::Raw, _)
            | (Self::String, Value::Str(_))
            | (Self::Bool, Value::Bool(_))
            | (Self::Int, Value::Int(_))
            | (Self::Int64, Value::Int64(_))
            | (Self::Float, Value::Float(_))
            | (Self::Bytes, Value::Bytes(_))
            | (Self::Time, Value::Time(_))
            | (Self::Duration, Value::Duration(_)) => true,
            (Self::List, Value::List(items)) => items.elem() == Elem::Any,
            (Self::Strings, Value::List(items)) => items.elem() == Elem::Str,
            (Self::Map, Value::Map(map)) => map.elem() == Elem::Any,
            _ => false,
        }
    }
}
