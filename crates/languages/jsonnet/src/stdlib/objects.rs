//! Objects.

use super::{Args, Builtin, Run, Table, eager};
use crate::ast::Sym;
use crate::error::JsonnetError;
use crate::eval::{Interpreter, Outcome, wrong_type};
use crate::heap::{Body, ObjectId, Thunk, ThunkId};
use crate::value::Value;
use std::rc::Rc;

pub(super) const TABLE: Table = &[
    eager("objectFields", &["o"], |cx, a| fields(cx, a, false)),
    eager("objectFieldsAll", &["o"], |cx, a| fields(cx, a, true)),
    eager("objectFieldsEx", &["obj", "hidden"], |cx, a| {
        fields(cx, a, a.boolean(1)?)
    }),
    eager("objectHas", &["o", "f"], |cx, a| has(cx, a, false)),
    eager("objectHasAll", &["o", "f"], |cx, a| has(cx, a, true)),
    eager("objectHasEx", &["obj", "fname", "hidden"], |cx, a| {
        has(cx, a, a.boolean(2)?)
    }),
    eager("objectValues", &["o"], |cx, a| values(cx, a, false)),
    eager("objectValuesAll", &["o"], |cx, a| values(cx, a, true)),
    eager("objectKeysValues", &["o"], |cx, a| pairs(cx, a, false)),
    eager("objectKeysValuesAll", &["o"], |cx, a| pairs(cx, a, true)),
    eager("objectRemoveKey", &["obj", "key"], |cx, a| {
        let name = cx.names.intern(a.str(1)?);
        cx.without(a.object(0)?, name)
    }),
    eager("mapWithKey", &["func", "obj"], map_with_key),
    Builtin {
        name: "get",
        params: &["o", "f", "default?", "inc_hidden?"],
        run: Run::Lazy(get),
    },
    eager("mergePatch", &["target", "patch"], |cx, a| {
        merge_patch(cx, a.value(0).clone(), a.value(1))
    }),
    eager("prune", &["a"], |cx, a| prune(cx, a.value(0))),
];

type NameList = Vec<(Rc<str>, Sym)>;

fn names(cx: &mut Interpreter<'_>, a: Args<'_>, hidden: bool) -> Result<NameList, JsonnetError> {
    cx.field_names(a.object(0)?, hidden)
}

fn fields(cx: &mut Interpreter<'_>, a: Args<'_>, hidden: bool) -> Outcome {
    let mut list = Vec::new();
    for (text, _) in names(cx, a, hidden)? {
        let text = cx.heap.text(text.to_string())?;
        list.push(cx.heap.done(text)?);
    }
    cx.heap.list(list)
}

fn has(cx: &mut Interpreter<'_>, a: Args<'_>, hidden: bool) -> Outcome {
    cx.has(a.object(0)?, a.str(1)?, hidden).map(Value::Bool)
}

fn values(cx: &mut Interpreter<'_>, a: Args<'_>, hidden: bool) -> Outcome {
    let names = names(cx, a, hidden)?;
    cx.values(a.object(0)?, &names).map(Value::Array)
}

fn pairs(cx: &mut Interpreter<'_>, a: Args<'_>, hidden: bool) -> Outcome {
    let names = names(cx, a, hidden)?;
    let values = cx.values(a.object(0)?, &names)?;
    let (key, value) = (cx.names.intern("key"), cx.names.intern("value"));
    let mut list = Vec::new();
    for ((text, _), thunk) in names.into_iter().zip(values.iter()) {
        let text = cx.heap.text(text.to_string())?;
        let pair = cx.object_of([(key, Body::Ready(text)), (value, Body::Thunk(*thunk))])?;
        list.push(cx.heap.done(pair)?);
    }
    cx.heap.list(list)
}

fn map_with_key(cx: &mut Interpreter<'_>, a: Args<'_>) -> Outcome {
    let (function, object) = (a.function(0)?, a.object(1)?);
    let mut fields = Vec::new();
    for (text, name) in cx.field_names(object, false)? {
        let text = cx.heap.text(text.to_string())?;
        let text = cx.heap.done(text)?;
        let value = cx.heap.thunk(Thunk::Field(object, name))?;
        let thunk = cx
            .heap
            .thunk(Thunk::CallPair(function.clone(), text, value))?;
        fields.push((name, Body::Thunk(thunk)));
    }
    cx.object_of(fields)
}

/// `get(o, f, default=null, inc_hidden=true)`, whose default is evaluated only where it is needed.
fn get(cx: &mut Interpreter<'_>, args: &[Option<ThunkId>]) -> Outcome {
    let mut given = [Value::Null, Value::Null, Value::Bool(true)];
    for (value, at) in given.iter_mut().zip([0, 1, 3]) {
        if let Some(thunk) = args[at] {
            *value = cx.force(thunk)?;
        }
    }
    let [object, name, hidden] = given;
    let (object, name, hidden) = match (&object, &name, &hidden) {
        (Value::Object(object), Value::Text(name), Value::Bool(hidden)) => {
            (*object, name.clone(), *hidden)
        }
        (Value::Object(_), Value::Text(_), other) => return Err(wrong_type(other, "boolean")),
        (Value::Object(_), other, _) => return Err(wrong_type(other, "string")),
        (other, ..) => return Err(wrong_type(other, "object")),
    };
    if cx.has(object, name.as_str(), hidden)? {
        let name = cx.names.intern(name.as_str());
        return cx.index(object, name);
    }
    match args[2] {
        Some(default) => cx.force(default),
        None => Ok(Value::Null),
    }
}

/// RFC 7396; what the patch does not name stays as it is, unevaluated.
fn merge_patch(cx: &mut Interpreter<'_>, target: Value, patch: &Value) -> Outcome {
    let Value::Object(patch) = patch else {
        return Ok(patch.clone());
    };
    let target = match target {
        Value::Object(target) => Some(target),
        _ => None,
    };
    cx.within(|cx| {
        let mut fields: Vec<(Sym, Body)> = Vec::new();
        let mut patched = std::collections::HashSet::new();
        for (text, name) in cx.field_names(*patch, false)? {
            patched.insert(name);
            let value = cx.index(*patch, name)?;
            if matches!(value, Value::Null) {
                continue;
            }
            let below = match target {
                Some(target) if cx.has(target, &text, false)? => cx.index(target, name)?,
                _ => Value::Null,
            };
            fields.push((name, Body::Ready(merge_patch(cx, below, &value)?)));
        }
        if let Some(target) = target {
            for (_, name) in cx.field_names(target, false)? {
                if !patched.contains(&name) {
                    let thunk = cx.heap.thunk(Thunk::Field(target, name))?;
                    fields.push((name, Body::Thunk(thunk)));
                }
            }
        }
        cx.object_of(fields)
    })
}

/// Leaves out nulls, empty arrays and empty objects, also those that become empty by it.
fn prune(cx: &mut Interpreter<'_>, value: &Value) -> Outcome {
    match value {
        Value::Array(list) => cx.within(|cx| {
            let mut kept = Vec::new();
            for element in list.iter() {
                let element = cx.force(*element)?;
                let pruned = prune(cx, &element)?;
                if has_content(cx, &pruned)? {
                    kept.push(cx.heap.done(pruned)?);
                }
            }
            cx.heap.list(kept)
        }),
        Value::Object(object) => cx.within(|cx| prune_object(cx, *object)),
        other => Ok(other.clone()),
    }
}

fn prune_object(cx: &mut Interpreter<'_>, object: ObjectId) -> Outcome {
    let mut kept = Vec::new();
    for (_, name) in cx.field_names(object, false)? {
        let field = cx.index(object, name)?;
        let pruned = prune(cx, &field)?;
        if has_content(cx, &pruned)? {
            kept.push((name, Body::Ready(pruned)));
        }
    }
    cx.object_of(kept)
}

fn has_content(cx: &mut Interpreter<'_>, value: &Value) -> Result<bool, JsonnetError> {
    Ok(match value {
        Value::Null => false,
        Value::Array(list) => !list.is_empty(),
        Value::Object(object) => !cx.field_names(*object, false)?.is_empty(),
        _ => true,
    })
}
