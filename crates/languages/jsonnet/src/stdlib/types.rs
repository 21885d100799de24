//! What a value is.

use super::{Args, Builtin, Table, eager, fail};
use crate::eval::{Interpreter, Outcome};
use crate::value::{Function, Value};

pub(super) const TABLE: Table = &[
    eager("type", &["x"], |_, a| {
        Ok(Value::text(a.value(0).type_name()))
    }),
    eager("isArray", &["v"], |_, a| is(a, "array")),
    eager("isBoolean", &["v"], |_, a| is(a, "boolean")),
    eager("isFunction", &["v"], |_, a| is(a, "function")),
    eager("isNull", &["x"], |_, a| is(a, "null")),
    eager("isNumber", &["v"], |_, a| is(a, "number")),
    eager("isObject", &["v"], |_, a| is(a, "object")),
    eager("isString", &["v"], |_, a| is(a, "string")),
    eager("id", &["x"], |_, a| Ok(a.value(0).clone())),
    eager("length", &["x"], length),
    eager("equals", &["x", "y"], |cx, a| {
        cx.equal(a.value(0), a.value(1)).map(Value::Bool)
    }),
    eager("primitiveEquals", &["x", "y"], primitive_equals),
    eager("assertEqual", &["a", "b"], assert_equal),
    eager("toString", &["a"], |cx, a| {
        let text = cx.shown(a.value(0))?;
        cx.heap.text(text)
    }),
    eager("extVar", &["x"], |cx, a| cx.ext_var(a.str(0)?)),
    // There are no functions from outside, so each name is unknown.
    eager("native", &["x"], |_, a| a.text(0).map(|_| Value::Null)),
    // There is nowhere to write to.
    eager("trace", &["str", "rest"], |_, a| {
        a.text(0)?;
        Ok(a.value(1).clone())
    }),
    eager("xor", &["x", "y"], |_, a| {
        Ok(Value::Bool(a.boolean(0)? != a.boolean(1)?))
    }),
    eager("xnor", &["x", "y"], |_, a| {
        Ok(Value::Bool(a.boolean(0)? == a.boolean(1)?))
    }),
];

fn is(args: Args<'_>, name: &str) -> Outcome {
    Ok(Value::Bool(args.value(0).type_name() == name))
}

fn length(cx: &mut Interpreter<'_>, args: Args<'_>) -> Outcome {
    let length = match args.value(0) {
        Value::Text(text) => text.chars(),
        Value::Array(list) => list.len(),
        Value::Object(object) => cx.field_names(*object, false)?.len(),
        Value::Function(function) => match &**function {
            Function::Closure(node, _) => node
                .params
                .iter()
                .filter(|param| param.default.is_none())
                .count(),
            Function::Builtin(Builtin { params, .. }) => {
                params.iter().filter(|param| !param.ends_with('?')).count()
            }
        },
        other => return fail(format!("Unexpected type {}", other.type_name())),
    };
    Ok(Value::Number(length as f64))
}

fn primitive_equals(cx: &mut Interpreter<'_>, args: Args<'_>) -> Outcome {
    let (x, y) = (args.value(0), args.value(1));
    match x {
        Value::Array(_) | Value::Object(_) if x.type_name() == y.type_name() => {
            let name = x.type_name();
            fail(format!(
                "primitiveEquals operates on primitive types, got {name}"
            ))
        }
        _ => cx.equal(x, y).map(Value::Bool),
    }
}

fn assert_equal(cx: &mut Interpreter<'_>, args: Args<'_>) -> Outcome {
    let (a, b) = (args.value(0), args.value(1));
    if cx.equal(a, b)? {
        return Ok(Value::Bool(true));
    }
    let (a, b) = (cx.shown(a)?, cx.shown(b)?);
    fail(format!("Assertion failed. {a} != {b}"))
}
