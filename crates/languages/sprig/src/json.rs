//! JSON as `encoding/json` writes and reads it: HTML escapes, float forms, sorted keys, and its
//! own words for what it can't read.

mod read;
mod write;

use crate::args::{Outcome, any, string, text};
use argosy_gotmpl::{CallCx, FuncError, FuncTable, Value};
use write::{Style, encode};

pub use read::decode;

pub(crate) fn add(table: FuncTable) -> FuncTable {
    let written = [
        ("toJson", Style::COMPACT, Failure::Empty),
        ("mustToJson", Style::COMPACT, Failure::Error),
        ("toPrettyJson", Style::PRETTY, Failure::Empty),
        ("mustToPrettyJson", Style::PRETTY, Failure::Error),
        ("toRawJson", Style::RAW, Failure::Error),
        ("mustToRawJson", Style::RAW, Failure::Error),
    ];
    let table = written
        .into_iter()
        .fold(table, |table, (name, style, failure)| {
            table.with_typed(name, "any", move |cx, a| {
                write(cx, any(a, 0), style, failure)
            })
        });
    table
        .with_typed("fromJson", "string", |cx, a| {
            cx.charge(text(a, 0).len() as u64 * 4)?;
            Ok(decode(text(a, 0)).unwrap_or_default())
        })
        .with_typed("mustFromJson", "string", |cx, a| {
            cx.charge(text(a, 0).len() as u64 * 4)?;
            decode(text(a, 0)).map_err(FuncError::new)
        })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// The error is dropped, and the text is empty.
    Empty,
    /// The error is returned.
    Error,
}

fn write(cx: &mut CallCx<'_>, value: &Value, style: Style, failure: Failure) -> Outcome {
    match encode(cx, value, style)? {
        Ok(text) => string(text),
        Err(_) if failure == Failure::Empty => string(""),
        Err(error) => Err(FuncError::new(error)),
    }
}

/// Writes a value as `json.Marshal` does, with `<`, `>` and `&` escaped.
///
/// # Errors
/// Where a limit is reached, or for NaN and infinities with Go's text.
pub fn to_json(cx: &mut CallCx<'_>, value: &Value) -> Result<Vec<u8>, FuncError> {
    encode(cx, value, Style::COMPACT)?.map_err(FuncError::new)
}
