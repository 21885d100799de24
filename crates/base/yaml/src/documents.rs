//! The ways into a stream: its documents, its Kubernetes objects, or its first value.

use crate::compose::{Composer, Kind, Tree};
use crate::decode::Decoder;
use crate::reader::decode;
use crate::{Dialect, Limits, YamlError};
use argosy_object::{Object, Origin, Value};

/// One document of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its value; `Null` for an empty document.
    pub value: Value,
    /// Where it stands.
    pub origin: Origin,
}

/// Reads all documents of a stream, empty ones included.
///
/// `bytes` are UTF-8, or UTF-16 with a byte order mark; JSON is YAML too. Of two equal keys the
/// last one wins.
///
/// # Errors
/// The first fault with its place; nothing of the stream is returned then.
///
/// Compat: each document is read as `sigs.k8s.io/yaml.Unmarshal` would. The line in the text is
/// counted within the whole stream, since the stream is read as one.
pub fn parse_documents(
    file: &str,
    bytes: &[u8],
    limits: &Limits,
) -> Result<Vec<Document>, YamlError> {
    parse_documents_with(file, bytes, limits, Dialect::V2)
}

/// [`parse_documents`] in a chosen [`Dialect`].
///
/// # Errors
/// As there.
pub fn parse_documents_with(
    file: &str,
    bytes: &[u8],
    limits: &Limits,
    dialect: Dialect,
) -> Result<Vec<Document>, YamlError> {
    let text = decode(file, bytes, limits)?;
    let mut composer = Composer::new(file, &text, limits);
    let mut documents = Vec::new();
    let mut doc = 0;
    while let Some(tree) = composer.next()? {
        if documents.len() >= limits.max_documents {
            let line = tree.nodes[tree.root].line + 1;
            let text = format!("yaml: more than {} documents", limits.max_documents);
            return Err(YamlError::new(file, line, 0, text));
        }
        let value = Decoder::new(file, &tree, limits, dialect, false).document()?;
        documents.push(Document {
            value,
            origin: origin(file, &tree, doc),
        });
        doc += 1;
    }
    Ok(documents)
}

/// Reads a stream of Kubernetes objects: empty documents are dropped, lists taken apart.
///
/// # Errors
/// Broken YAML, and a document that is no Kubernetes object, with its place.
pub fn parse_stream(
    file: &str,
    bytes: &[u8],
    limits: &Limits,
) -> Result<Vec<(Object, Origin)>, YamlError> {
    parse_stream_with(file, bytes, limits, Dialect::V2)
}

/// [`parse_stream`] in a chosen [`Dialect`].
///
/// # Errors
/// As there.
pub fn parse_stream_with(
    file: &str,
    bytes: &[u8],
    limits: &Limits,
    dialect: Dialect,
) -> Result<Vec<(Object, Origin)>, YamlError> {
    let mut objects = Vec::new();
    for Document { value, origin } in parse_documents_with(file, bytes, limits, dialect)? {
        match value {
            Value::Null => {}
            // `--- {}` says as little as an empty document.
            Value::Object(map) if map.is_empty() => {}
            value => flatten(value, &origin, &mut objects, limits.max_depth)?,
        }
    }
    Ok(objects)
}

/// The objects that a value from elsewhere stands for, lists taken apart.
///
/// # Errors
/// What is no Kubernetes object, with the place that `origin` names.
pub fn objects_of(
    value: Value,
    origin: &Origin,
    limits: &Limits,
) -> Result<Vec<(Object, Origin)>, YamlError> {
    let mut objects = Vec::new();
    flatten(value, origin, &mut objects, limits.max_depth)?;
    Ok(objects)
}

/// Takes a list apart, and the lists in it.
fn flatten(
    value: Value,
    origin: &Origin,
    objects: &mut Vec<(Object, Origin)>,
    levels: usize,
) -> Result<(), YamlError> {
    let is_list = value
        .get("kind")
        .and_then(Value::as_str)
        .is_some_and(|k| k.ends_with("List"))
        && value
            .get("items")
            .is_some_and(|items| items.is_array() || items.is_null());
    if !is_list || levels == 0 {
        let object = Object::new(value)
            .map_err(|error| YamlError::new(&origin.file, origin.line, 0, error.to_string()))?;
        objects.push((object, origin.clone()));
        return Ok(());
    }
    let Value::Object(mut map) = value else {
        return Ok(());
    };
    // A list of nothing is nothing.
    let Some(Value::Array(items)) = map.remove("items") else {
        return Ok(());
    };
    for item in items {
        if !item.is_null() {
            flatten(item, origin, objects, levels - 1)?;
        }
    }
    Ok(())
}

/// The text of a file: UTF-8, or UTF-16 with a byte order mark, which is cut.
///
/// # Errors
/// Octets that are no text, control characters, and what is larger than `limits` allow.
pub fn text_of<'b>(
    file: &str,
    bytes: &'b [u8],
    limits: &Limits,
) -> Result<std::borrow::Cow<'b, str>, YamlError> {
    decode(file, bytes, limits)
}

/// Reads the first document of `bytes`; what follows it is not looked at.
///
/// # Errors
/// Broken YAML, with its place.
///
/// Compat: `sigs.k8s.io/yaml.YAMLToJSON`, integers kept.
pub fn from_slice(bytes: &[u8]) -> Result<Value, YamlError> {
    first("", bytes, &Limits::default(), Dialect::V2, false)
}

/// [`from_slice`] of a text.
///
/// # Errors
/// As there.
pub fn from_str(text: &str) -> Result<Value, YamlError> {
    from_slice(text.as_bytes())
}

/// [`from_slice`] of a named file, within `limits` and in a [`Dialect`].
///
/// # Errors
/// As there.
pub fn from_slice_with(
    file: &str,
    bytes: &[u8],
    limits: &Limits,
    dialect: Dialect,
) -> Result<Value, YamlError> {
    first(file, bytes, limits, dialect, false)
}

/// [`from_slice`] of a named file that refuses a key given twice.
///
/// # Errors
/// As there, and each key that is already set.
///
/// Compat: `yaml.YAMLToJSONStrict`.
pub fn from_slice_strict(file: &str, bytes: &[u8]) -> Result<Value, YamlError> {
    first(file, bytes, &Limits::default(), Dialect::V2, true)
}

fn first(
    file: &str,
    bytes: &[u8],
    limits: &Limits,
    dialect: Dialect,
    strict: bool,
) -> Result<Value, YamlError> {
    let text = decode(file, bytes, limits)?;
    match Composer::new(file, &text, limits).next()? {
        Some(tree) => Decoder::new(file, &tree, limits, dialect, strict).document(),
        None => Ok(Value::Null),
    }
}

fn origin(file: &str, tree: &Tree, doc: u32) -> Origin {
    let root = &tree.nodes[tree.root];
    // A mapping begins where its first key does.
    let line = match &root.kind {
        Kind::Mapping(pairs) => pairs
            .first()
            .map_or(root.line, |(k, _)| tree.nodes[*k].line),
        _ => root.line,
    };
    Origin {
        file: file.into(),
        line: line + 1,
        doc,
    }
}
