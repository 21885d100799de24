//! An OpenAPI v2 document as gnostic's protobuf (`openapi.v2.Document`).

use argosy_object::{Map, Value};

/// The whole document.
pub(super) fn document(document: &Value) -> Vec<u8> {
    let mut out = Message::default();
    out.text(1, document["swagger"].as_str());
    out.message(2, |info| {
        info.text(1, document["info"]["title"].as_str());
        info.text(2, document["info"]["version"].as_str());
    });
    out.message(8, |paths| {
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            paths.message(2, |named| {
                named.text(1, Some(path));
                named.message(2, |out| path_item(out, item));
            });
        }
    });
    out.message(9, |definitions| {
        named_schemas(definitions, &document["definitions"]);
    });
    out.0
}

fn path_item(out: &mut Message, item: &Value) {
    for (number, method) in [
        (2, "get"),
        (3, "put"),
        (4, "post"),
        (5, "delete"),
        (8, "patch"),
    ] {
        if let Some(found) = item.get(method) {
            out.message(number, |out| operation(out, found));
        }
    }
}

fn operation(out: &mut Message, operation: &Value) {
    out.text(5, operation["operationId"].as_str());
    out.texts(6, &operation["produces"]);
    out.texts(7, &operation["consumes"]);
    for found in operation["parameters"].as_array().into_iter().flatten() {
        out.message(8, |item| item.message(1, |out| parameter(out, found)));
    }
    out.message(9, |responses| {
        for (code, response) in operation["responses"].as_object().into_iter().flatten() {
            responses.message(1, |named| {
                named.text(1, Some(code));
                named.message(2, |value| {
                    value.message(1, |out| {
                        out.text(1, response["description"].as_str());
                        if response["schema"].is_object() {
                            out.message(2, |item| {
                                item.message(1, |out| schema(out, &response["schema"]));
                            });
                        }
                    });
                });
            });
        }
    });
    extensions(out, 13, operation);
}

fn parameter(out: &mut Message, parameter: &Value) {
    let required = parameter["required"] == true;
    match parameter["in"].as_str() {
        Some("body") => out.message(1, |body| {
            body.text(2, parameter["name"].as_str());
            body.text(3, Some("body"));
            body.flag(4, required);
            body.message(5, |out| schema(out, &parameter["schema"]));
        }),
        place => {
            let (number, ty, unique) = if place == Some("path") {
                (4, 5, 19)
            } else {
                (3, 6, 20)
            };
            out.message(2, |non_body| {
                non_body.message(number, |out| {
                    out.flag(1, required);
                    out.text(2, place);
                    out.text(4, parameter["name"].as_str());
                    out.text(ty, parameter["type"].as_str());
                    out.flag(unique, parameter["uniqueItems"] == true);
                });
            });
        }
    }
}

fn named_schemas(out: &mut Message, schemas: &Value) {
    for (name, found) in schemas.as_object().into_iter().flatten() {
        out.message(1, |named| {
            named.text(1, Some(name));
            named.message(2, |out| schema(out, found));
        });
    }
}

fn schema(out: &mut Message, schema_value: &Value) {
    let Value::Object(map) = schema_value else {
        return;
    };
    let text = |name: &str| map.get(name).and_then(Value::as_str);
    let count = |name: &str| map.get(name).and_then(Value::as_u64);
    let number = |name: &str| map.get(name).and_then(Value::as_f64);
    let flag = |name: &str| map.get(name) == Some(&Value::Bool(true));
    out.text(1, text("$ref"));
    out.text(2, text("format"));
    out.text(3, text("title"));
    out.text(4, text("description"));
    if let Some(default) = map.get("default") {
        out.message(5, |any| any.text(2, Some(&yaml(default))));
    }
    out.double(6, number("multipleOf"));
    out.double(7, number("maximum"));
    out.flag(8, flag("exclusiveMaximum"));
    out.double(9, number("minimum"));
    out.flag(10, flag("exclusiveMinimum"));
    out.count(11, count("maxLength"));
    out.count(12, count("minLength"));
    out.text(13, text("pattern"));
    out.count(14, count("maxItems"));
    out.count(15, count("minItems"));
    out.flag(16, flag("uniqueItems"));
    out.count(17, count("maxProperties"));
    out.count(18, count("minProperties"));
    out.texts(19, map.get("required").unwrap_or(&Value::Null));
    for value in map
        .get("enum")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        out.message(20, |any| any.text(2, Some(&yaml(value))));
    }
    match map.get("additionalProperties") {
        Some(Value::Bool(open)) => out.message(21, |item| item.varint_field(2, u64::from(*open))),
        Some(found) => out.message(21, |item| item.message(1, |out| schema(out, found))),
        None => {}
    }
    if let Some(ty) = text("type") {
        out.message(22, |item| item.text(1, Some(ty)));
    }
    if let Some(items) = map.get("items") {
        out.message(23, |item| item.message(1, |out| schema(out, items)));
    }
    if let Some(properties) = map.get("properties") {
        out.message(25, |out| named_schemas(out, properties));
    }
    extensions(out, 31, schema_value);
}

fn extensions(out: &mut Message, number: u32, value: &Value) {
    let empty = Map::new();
    for (name, value) in value.as_object().unwrap_or(&empty) {
        if name.starts_with("x-") {
            out.message(number, |named| {
                named.text(1, Some(name));
                named.message(2, |any| any.text(2, Some(&yaml(value))));
            });
        }
    }
}

/// JSON is YAML.
fn yaml(value: &Value) -> String {
    format!("{value}\n")
}

#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn tag(&mut self, number: u32, wire: u32) {
        self.varint(u64::from(number << 3 | wire));
    }

    fn varint_field(&mut self, number: u32, value: u64) {
        self.tag(number, 0);
        self.varint(value);
    }

    fn flag(&mut self, number: u32, set: bool) {
        if set {
            self.varint_field(number, 1);
        }
    }

    fn count(&mut self, number: u32, value: Option<u64>) {
        if let Some(value) = value.filter(|value| *value != 0) {
            self.varint_field(number, value);
        }
    }

    fn double(&mut self, number: u32, value: Option<f64>) {
        if let Some(value) = value.filter(|value| *value != 0.0) {
            self.tag(number, 1);
            self.0.extend(value.to_le_bytes());
        }
    }

    fn bytes(&mut self, number: u32, bytes: &[u8]) {
        self.tag(number, 2);
        self.varint(bytes.len() as u64);
        self.0.extend(bytes);
    }

    fn text(&mut self, number: u32, text: Option<&str>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.bytes(number, text.as_bytes());
        }
    }

    fn texts(&mut self, number: u32, texts: &Value) {
        for text in texts.as_array().into_iter().flatten() {
            self.text(number, text.as_str());
        }
    }

    fn message(&mut self, number: u32, fill: impl FnOnce(&mut Message)) {
        let mut inner = Message::default();
        fill(&mut inner);
        self.bytes(number, &inner.0);
    }
}
