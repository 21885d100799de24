//! Operators, equality and order.

use super::{Interpreter, Outcome, wrong_type};
use crate::ast::{Binary, Expr, Unary};
use crate::error::JsonnetError;
use crate::heap::EnvId;
use crate::value::Value;
use std::cmp::Ordering;

/// The largest integer below which every integer is a number.
const MAX_SAFE: f64 = 9_007_199_254_740_991.0;

pub(super) fn unary(operator: Unary, operand: &Value) -> Outcome {
    match (operator, operand) {
        (Unary::Not, Value::Bool(value)) => Ok(Value::Bool(!value)),
        (Unary::Not, other) => Err(wrong_type(other, "boolean")),
        (Unary::Plus, Value::Number(value)) => Ok(Value::Number(*value)),
        (Unary::Minus, Value::Number(value)) => Ok(Value::Number(-value)),
        (Unary::BitNot, Value::Number(value)) => Ok(Value::Number(!(*value as i64) as f64)),
        (_, other) => Err(wrong_type(other, "number")),
    }
}

pub(crate) fn checked(value: f64) -> Outcome {
    if value.is_nan() {
        Err(JsonnetError::new("Not a number"))
    } else if value.is_infinite() {
        Err(JsonnetError::new("Overflow"))
    } else {
        Ok(Value::Number(value))
    }
}

pub(crate) fn number(value: &Value) -> Result<f64, JsonnetError> {
    match value {
        Value::Number(value) => Ok(*value),
        other => Err(wrong_type(other, "number")),
    }
}

impl Interpreter<'_> {
    pub(super) fn binary(
        &mut self,
        operator: Binary,
        env: EnvId,
        left: &Expr,
        right: &Expr,
        trims: bool,
    ) -> Outcome {
        let boolean = |value: Value| match value {
            Value::Bool(value) => Ok(value),
            other => Err(wrong_type(&other, "boolean")),
        };
        let left = self.eval(env, left, false)?;
        if let Binary::And | Binary::Or = operator {
            let left = boolean(left)?;
            if left == (operator == Binary::Or) {
                return Ok(Value::Bool(left));
            }
            return Ok(Value::Bool(boolean(self.eval(env, right, trims)?)?));
        }
        let right = self.eval(env, right, trims)?;
        Ok(match operator {
            Binary::Add => return self.plus(&left, &right),
            Binary::Rem => {
                if let Value::Text(format) = &left {
                    let format = format.clone();
                    return crate::stdlib::format(self, format.as_str(), &right);
                }
                let (left, right) = (number(&left)?, number(&right)?);
                if right == 0.0 {
                    return Err(JsonnetError::new("Division by zero."));
                }
                return checked(left % right);
            }
            Binary::Equal => Value::Bool(self.equal(&left, &right)?),
            Binary::NotEqual => Value::Bool(!self.equal(&left, &right)?),
            Binary::Less => Value::Bool(self.compare(&left, &right)?.is_lt()),
            Binary::LessEq => Value::Bool(self.compare(&left, &right)?.is_le()),
            Binary::Greater => Value::Bool(self.compare(&left, &right)?.is_gt()),
            Binary::GreaterEq => Value::Bool(self.compare(&left, &right)?.is_ge()),
            Binary::In => match (&left, &right) {
                (Value::Text(name), Value::Object(object)) => {
                    Value::Bool(self.has(*object, name.as_str(), true)?)
                }
                (_, Value::Object(_)) => return Err(wrong_type(&left, "string")),
                (_, other) => return Err(wrong_type(other, "object")),
            },
            _ => return arithmetic(operator, number(&left)?, number(&right)?),
        })
    }

    /// `+`, which numbers, strings, arrays and objects have.
    pub(crate) fn plus(&mut self, left: &Value, right: &Value) -> Outcome {
        match (left, right) {
            (Value::Number(left), Value::Number(right)) => checked(left + right),
            (Value::Text(_), _) | (_, Value::Text(_)) => {
                let mut text = self.shown(left)?;
                let right = self.shown(right)?;
                text.push_str(&right);
                self.heap.text(text)
            }
            (Value::Array(left), Value::Array(right)) => {
                self.heap.take((left.len() + right.len()) as u64 * 4)?;
                let elements = left.iter().chain(right.iter()).copied().collect();
                self.heap.list(elements)
            }
            (Value::Object(left), Value::Object(right)) => {
                Ok(Value::Object(self.heap.sum(*left, *right)?))
            }
            (Value::Number(_) | Value::Array(_) | Value::Object(_), right) => {
                Err(wrong_type(right, left.type_name()))
            }
            (left, _) => Err(JsonnetError::new(format!(
                "Unexpected type {}",
                left.type_name()
            ))),
        }
    }

    pub(crate) fn equal(&mut self, left: &Value, right: &Value) -> Result<bool, JsonnetError> {
        self.heap.step(1)?;
        Ok(match (left, right) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(left), Value::Bool(right)) => left == right,
            (Value::Number(left), Value::Number(right)) => left == right,
            (Value::Text(left), Value::Text(right)) => left.as_str() == right.as_str(),
            (Value::Array(left), Value::Array(right)) => {
                if left.len() != right.len() {
                    return Ok(false);
                }
                for (left, right) in left.iter().zip(right.iter()) {
                    let (left, right) = (self.force(*left)?, self.force(*right)?);
                    if !self.nested(|this| this.equal(&left, &right))? {
                        return Ok(false);
                    }
                }
                true
            }
            (Value::Object(left), Value::Object(right)) => {
                let names = self.field_names(*left, false)?;
                if names != self.field_names(*right, false)? {
                    return Ok(false);
                }
                for (_, name) in names {
                    let (left, right) = (self.index(*left, name)?, self.index(*right, name)?);
                    if !self.nested(|this| this.equal(&left, &right))? {
                        return Ok(false);
                    }
                }
                true
            }
            (Value::Function(_), Value::Function(_)) => {
                return Err(JsonnetError::new("Cannot test equality of functions"));
            }
            _ => false,
        })
    }

    pub(crate) fn compare(
        &mut self,
        left: &Value,
        right: &Value,
    ) -> Result<Ordering, JsonnetError> {
        self.heap.step(1)?;
        match (left, right) {
            (Value::Number(left), Value::Number(right)) => {
                Ok(left.partial_cmp(right).unwrap_or(Ordering::Equal))
            }
            (Value::Text(left), Value::Text(right)) => Ok(left.as_str().cmp(right.as_str())),
            (Value::Array(left), Value::Array(right)) => {
                for (left, right) in left.iter().zip(right.iter()) {
                    let (left, right) = (self.force(*left)?, self.force(*right)?);
                    let order = self.nested(|this| this.compare(&left, &right))?;
                    if order.is_ne() {
                        return Ok(order);
                    }
                }
                Ok(left.len().cmp(&right.len()))
            }
            (Value::Number(_) | Value::Text(_) | Value::Array(_), right) => {
                Err(wrong_type(right, left.type_name()))
            }
            (left, _) => Err(JsonnetError::new(format!(
                "Unexpected type {}",
                left.type_name()
            ))),
        }
    }
}

fn arithmetic(operator: Binary, left: f64, right: f64) -> Outcome {
    let integer = |value: f64| {
        if value.abs() > MAX_SAFE {
            return Err(JsonnetError::new(format!(
                "Bitwise operator argument {value} outside of range [-{MAX_SAFE}, {MAX_SAFE}]"
            )));
        }
        Ok(value as i64)
    };
    let bits = |value: i64| Ok(Value::Number(value as f64));
    match operator {
        Binary::Sub => checked(left - right),
        Binary::Mul => checked(left * right),
        Binary::Div if right == 0.0 => Err(JsonnetError::new("Division by zero.")),
        Binary::Div => checked(left / right),
        Binary::BitAnd => bits(integer(left)? & integer(right)?),
        Binary::BitOr => bits(integer(left)? | integer(right)?),
        Binary::BitXor => bits(integer(left)? ^ integer(right)?),
        Binary::ShiftLeft | Binary::ShiftRight if right < 0.0 => {
            Err(JsonnetError::new("Shift by negative exponent."))
        }
        Binary::ShiftLeft => bits(integer(left)? << (integer(right)? % 64)),
        Binary::ShiftRight => bits(integer(left)? >> (integer(right)? % 64)),
        _ => unreachable!("the others are no arithmetic"),
    }
}
