//! How functions read their arguments, which the engine has checked against their signature.

use argosy_gotmpl::{CallCx, FuncError, GoStr, List, MapRef, Value};

/// What a function gives back.
pub(crate) type Outcome = Result<Value, FuncError>;

/// What reading through a nil interface says.
pub(crate) const NIL_POINTER: &str =
    "runtime error: invalid memory address or nil pointer dereference";

/// Bytes that one value of a list takes, for the budget.
pub(crate) const VALUE_BYTES: u64 = size_of::<Value>() as u64;

/// A `string` argument.
pub(crate) fn text(args: &[Value], index: usize) -> &[u8] {
    match args.get(index) {
        Some(Value::Str(text)) => text.as_bytes(),
        _ => b"",
    }
}

/// A `string` argument as UTF-8, with invalid bytes replaced.
pub(crate) fn utf8(args: &[Value], index: usize) -> String {
    String::from_utf8_lossy(text(args, index)).into_owned()
}

/// An `int` or `int64` argument.
pub(crate) fn int(args: &[Value], index: usize) -> i64 {
    match args.get(index) {
        Some(Value::Int(int) | Value::Int64(int)) => *int,
        _ => 0,
    }
}

/// Any argument; nil where it is absent.
pub(crate) fn any(args: &[Value], index: usize) -> &Value {
    args.get(index).unwrap_or(&Value::Nil)
}

/// The arguments from `index` on: those of a variadic parameter.
pub(crate) fn rest(args: &[Value], index: usize) -> &[Value] {
    args.get(index..).unwrap_or(&[])
}

/// A `map[string]interface {}` argument; `None` for a nil map.
pub(crate) fn map(args: &[Value], index: usize) -> Option<&MapRef> {
    match args.get(index) {
        Some(Value::Map(map)) => Some(map),
        _ => None,
    }
}

/// A string to give back.
pub(crate) fn string(text: impl Into<GoStr>) -> Outcome {
    Ok(Value::Str(text.into()))
}

/// A `[]string` to give back, its size charged to the budget.
pub(crate) fn strings<T: Into<GoStr>>(
    cx: &mut CallCx<'_>,
    items: impl ExactSizeIterator<Item = T>,
) -> Outcome {
    cx.charge(items.len() as u64 * VALUE_BYTES)?;
    let items = items.map(|item| Value::Str(item.into())).collect();
    Ok(Value::List(List::typed(items, argosy_gotmpl::Elem::Str)))
}
