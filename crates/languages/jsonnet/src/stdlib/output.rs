//! `std.manifest…`: values as text in other formats.

use super::{Args, Table, eager, fail, toml, xml, yaml};
use crate::error::JsonnetError;
use crate::eval::{Interpreter, Outcome};
use crate::manifest::{Layout, quoted};
use crate::number;
use crate::value::Value;

pub(super) const TABLE: Table = &[
    eager("manifestJson", &["value"], |cx, a| {
        json(cx, a.value(0), "    ", "\n", ": ")
    }),
    eager("manifestJsonMinified", &["value"], |cx, a| {
        json(cx, a.value(0), "", "", ":")
    }),
    eager(
        "manifestJsonEx",
        &["value", "indent", "newline?", "key_val_sep?"],
        |cx, a| {
            let newline = a.get(2).map_or(Ok("\n"), |_| a.str(2))?;
            let colon = a.get(3).map_or(Ok(": "), |_| a.str(3))?;
            json(cx, a.value(0), a.str(1)?, newline, colon)
        },
    ),
    eager(
        "manifestYamlDoc",
        &["value", "indent_array_in_object?", "quote_keys?"],
        |cx, a| {
            let text = yaml::document(cx, a.value(0), &yaml_style(a, 1)?)?;
            cx.heap.text(text)
        },
    ),
    eager(
        "manifestYamlStream",
        &[
            "value",
            "indent_array_in_object?",
            "c_document_end?",
            "quote_keys?",
        ],
        yaml_stream,
    ),
    eager("manifestPython", &["v"], |cx, a| {
        let mut out = String::new();
        python(cx, a.value(0), &mut out)?;
        cx.heap.text(out)
    }),
    eager("manifestPythonVars", &["conf"], |cx, a| {
        let object = a.object(0)?;
        let mut out = String::new();
        for (text, name) in cx.field_names(object, false)? {
            let value = cx.index(object, name)?;
            out.push_str(&text);
            out.push_str(" = ");
            python(cx, &value, &mut out)?;
            out.push('\n');
        }
        cx.heap.text(out)
    }),
    eager("manifestIni", &["ini"], ini),
    eager("manifestToml", &["value"], |cx, a| {
        let text = toml::document(cx, a.value(0), "  ")?;
        cx.heap.text(text)
    }),
    eager("manifestTomlEx", &["value", "indent"], |cx, a| {
        let text = toml::document(cx, a.value(0), a.str(1)?)?;
        cx.heap.text(text)
    }),
    eager("manifestXmlJsonml", &["value"], |cx, a| {
        let mut out = String::new();
        xml::element(cx, a.value(0), &mut out)?;
        cx.heap.text(out)
    }),
];

fn json(
    cx: &mut Interpreter<'_>,
    value: &Value,
    indent: &str,
    newline: &str,
    colon: &str,
) -> Outcome {
    let layout = Layout {
        indent,
        newline,
        colon,
        comma: ",",
        is_spaced_when_empty: false,
        is_shortest: true,
    };
    let mut out = String::new();
    cx.write_json(value, &layout, "", &mut out)?;
    cx.heap.text(out)
}

fn yaml_style(a: Args<'_>, first: usize) -> Result<yaml::Style, JsonnetError> {
    let last = a.0.len() - 1;
    Ok(yaml::Style {
        indents_arrays: a.get(first).is_some() && a.boolean(first)?,
        quotes_keys: a.get(last).is_none() || a.boolean(last)?,
    })
}

fn yaml_stream(cx: &mut Interpreter<'_>, a: Args<'_>) -> Outcome {
    let Value::Array(list) = a.value(0) else {
        let name = a.value(0).type_name();
        return fail(format!("manifestYamlStream only takes arrays, got {name}"));
    };
    let style = yaml_style(a, 1)?;
    let ends = a.get(2).is_none() || a.boolean(2)?;
    let mut documents = Vec::new();
    for element in list.iter() {
        let element = cx.force(*element)?;
        documents.push(yaml::document(cx, &element, &style)?);
    }
    let end = if ends { "\n...\n" } else { "\n" };
    cx.heap
        .text(format!("---\n{}{end}", documents.join("\n---\n")))
}

fn python(cx: &mut Interpreter<'_>, value: &Value, out: &mut String) -> Result<(), JsonnetError> {
    let before = out.len();
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Number(value) => out.push_str(&number::shown(*value)),
        Value::Text(text) => {
            cx.take_quoted(text.as_str())?;
            quoted(text.as_str(), out);
        }
        Value::Function(_) => return fail("cannot manifest function"),
        Value::Array(list) => {
            out.push('[');
            cx.within(|cx| {
                for (count, element) in list.iter().enumerate() {
                    if count > 0 {
                        out.push_str(", ");
                    }
                    let element = cx.force(*element)?;
                    python(cx, &element, out)?;
                }
                Ok(())
            })?;
            out.push(']');
        }
        Value::Object(object) => {
            out.push('{');
            cx.within(|cx| {
                for (count, (text, name)) in cx.field_names(*object, false)?.iter().enumerate() {
                    if count > 0 {
                        out.push_str(", ");
                    }
                    quoted(text, out);
                    out.push_str(": ");
                    let field = cx.index(*object, *name)?;
                    python(cx, &field, out)?;
                }
                Ok(())
            })?;
            out.push('}');
        }
    }
    cx.heap.take((out.len() - before) as u64)
}

/// `main` and `sections`, whose values may be arrays: a line for each element.
fn ini(cx: &mut Interpreter<'_>, a: Args<'_>) -> Outcome {
    let object = a.object(0)?;
    let mut out = String::new();
    if cx.has(object, "main", false)? {
        let name = cx.names.intern("main");
        let main = cx.index(object, name)?;
        ini_body(cx, &main, &mut out)?;
    }
    let name = cx.names.intern("sections");
    let sections = match cx.index(object, name)? {
        Value::Object(sections) => sections,
        other => return Err(crate::eval::wrong_type(&other, "object")),
    };
    for (text, name) in cx.field_names(sections, false)? {
        out.push_str(&format!("[{text}]\n"));
        let body = cx.index(sections, name)?;
        ini_body(cx, &body, &mut out)?;
    }
    cx.heap.text(out)
}

fn ini_body(cx: &mut Interpreter<'_>, body: &Value, out: &mut String) -> Result<(), JsonnetError> {
    let Value::Object(body) = body else {
        return Err(crate::eval::wrong_type(body, "object"));
    };
    for (text, name) in cx.field_names(*body, false)? {
        let values = match cx.index(*body, name)? {
            Value::Array(list) => {
                let mut values = Vec::new();
                for element in list.iter() {
                    values.push(cx.force(*element)?);
                }
                values
            }
            other => vec![other],
        };
        for value in values {
            let value = cx.shown(&value)?;
            cx.heap.take((text.len() + value.len()) as u64)?;
            out.push_str(&format!("{text} = {value}\n"));
        }
    }
    Ok(())
}
