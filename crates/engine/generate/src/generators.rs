//! Generators: each gives parameter sets.

mod clusters;
mod git;
mod list;
mod matrix;
mod merging;

use crate::error::{Fault, GenerateError};
use crate::inputs::{GeneratorInputs, Need, TreeKey};
use crate::params::{self, Params};
use crate::render::Renderer;
use crate::selector::Selector;
use argosy_object::Value;
use argosy_tree::ReadSet;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// Kinds of generators, in the order in which upstream looks at one entry's fields.
const KINDS: [&str; 5] = ["list", "clusters", "git", "matrix", "merge"];

/// How many parameter sets one set may come to.
const MAX_PARAMS: usize = 200_000;

/// What generators share while one set is evaluated.
pub(crate) struct Cx<'i> {
    pub inputs: &'i GeneratorInputs,
    pub renderer: &'i Renderer,
    pub needs: RefCell<BTreeSet<Need>>,
    pub reads: RefCell<BTreeMap<TreeKey, ReadSet>>,
    total: RefCell<usize>,
}

/// Where an entry stands.
#[derive(Clone, Copy)]
pub(crate) struct Place<'p> {
    /// The field, as a path.
    pub field: &'p str,
    /// How many matrices and merges it stands within.
    pub depth: usize,
}

impl<'i> Cx<'i> {
    pub(crate) fn new(inputs: &'i GeneratorInputs, renderer: &'i Renderer) -> Self {
        Self {
            inputs,
            renderer,
            needs: RefCell::default(),
            reads: RefCell::default(),
            total: RefCell::default(),
        }
    }

    /// Notes what is missing.
    fn need(&self, need: Need) -> Fault {
        self.needs.borrow_mut().insert(need);
        Fault::Needs
    }

    fn count(&self, more: usize) -> Result<(), Fault> {
        let mut total = self.total.borrow_mut();
        *total += more;
        if *total > MAX_PARAMS {
            return Err(Fault::params(format!(
                "more than {MAX_PARAMS} parameter sets"
            )));
        }
        Ok(())
    }
}

/// The generators of one entry, with their parameters filtered by the entry's selector.
pub(crate) struct Transformed<'g> {
    /// The generator, for its template.
    pub generator: &'g Value,
    /// Its parameter sets.
    pub params: Vec<Params>,
}

/// Refuses generators that are not there yet, nested ones too and before anything is evaluated:
/// leaving one out would delete its Applications.
///
/// # Errors
/// [`GenerateError::Unsupported`] with the field.
pub(crate) fn check_supported(entry: &Value, place: Place<'_>) -> Result<(), GenerateError> {
    for (key, generator) in entry
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, g)| !g.is_null())
    {
        match key.as_str() {
            "list" | "clusters" | "git" | "selector" => {}
            kind @ ("matrix" | "merge") if place.depth < 2 => {
                for (index, child) in items(generator, "generators").iter().enumerate() {
                    let field = format!("{}.{kind}.generators[{index}]", place.field);
                    check_supported(
                        child,
                        Place {
                            field: &field,
                            depth: place.depth + 1,
                        },
                    )?;
                }
            }
            "matrix" | "merge" => {}
            other => {
                return Err(GenerateError::Unsupported {
                    field: place.field.into(),
                    generator: other.into(),
                });
            }
        }
    }
    Ok(())
}

/// Evaluates one entry.
pub(crate) fn transform<'g>(
    cx: &Cx<'_>,
    entry: &'g Value,
    place: Place<'_>,
) -> Result<Vec<Transformed<'g>>, Fault> {
    let field = place.field;
    let object = entry.as_object().ok_or_else(|| GenerateError::Invalid {
        field: field.into(),
        reason: "expected a mapping".into(),
    })?;
    let selector = object.get("selector").filter(|s| !s.is_null());
    let selector = selector
        .map(Selector::parse)
        .transpose()
        .map_err(|error| Fault::params(format!("error parsing label selector: {error}")))?;
    let mut results = Vec::new();
    for kind in KINDS {
        let Some(generator) = object.get(kind).filter(|g| !g.is_null()) else {
            continue;
        };
        let mut params = evaluate(cx, kind, generator, place)?;
        cx.count(params.len())?;
        if let Some(selector) = &selector {
            params.retain(|params| selector.matches(&as_labels(params)));
        }
        results.push(Transformed { generator, params });
    }
    Ok(results)
}

fn evaluate(
    cx: &Cx<'_>,
    kind: &str,
    generator: &Value,
    place: Place<'_>,
) -> Result<Vec<Params>, Fault> {
    let nested = place.depth < 2;
    match kind {
        "list" => list::params(cx, generator),
        "clusters" => clusters::params(cx, generator),
        "git" => git::params(cx, generator),
        "matrix" if nested => matrix::params(cx, generator, place),
        "merge" if nested => merging::params(cx, generator, place),
        "matrix" | "merge" => Err(Fault::params(
            "child generator generated no parameters".to_owned(),
        )),
        _ => Ok(Vec::new()),
    }
}

/// The one generator of a nested entry.
fn child(cx: &Cx<'_>, entry: &Value, place: Place<'_>) -> Result<Vec<Params>, Fault> {
    let mut results = transform(cx, entry, place)
        .map_err(|f| f.within("child generator returned an error on parameter generation"))?;
    match results.len() {
        0 => Err(Fault::params("child generator generated no parameters")),
        1 => Ok(results.remove(0).params),
        _ => Err(Fault::params(
            "found more than one generator in matrix.Generators",
        )),
    }
}

/// Parameters as selectors see them: flat, every value as text.
fn as_labels(params: &Params) -> BTreeMap<String, String> {
    params::flatten(params)
        .into_iter()
        .map(|(k, v)| (k, params::go_text(&v)))
        .collect()
}

/// Renders a generator's `values` with its own parameters and adds them: as one map in Go mode,
/// key by key in the default mode. All are rendered before any is added, so that none can blow
/// up another.
fn append_values(cx: &Cx<'_>, generator: &Value, params: &Params) -> Result<(), Fault> {
    let Some(values) = generator.get("values").and_then(Value::as_object) else {
        return Ok(());
    };
    let mut rendered = BTreeMap::new();
    for (key, value) in values {
        let text = value.as_str().unwrap_or_default();
        let text = cx.renderer.replace(text, params, false).map_err(|fault| {
            Fault::params(format!(
                "failed to replace templated string: failed to replace templated string with rendered values: {}",
                fault.text
            ))
        })?;
        rendered.insert(key.clone(), text);
    }
    if rendered.is_empty() {
        return Ok(());
    }
    if cx.renderer.go {
        params::set(params, "values", params::strings(&rendered));
    } else {
        for (key, text) in rendered {
            params::set(params, &format!("values.{key}"), params::text(text));
        }
    }
    Ok(())
}

/// A text field of a generator.
fn text<'v>(generator: &'v Value, field: &str) -> &'v str {
    generator
        .get(field)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// A list field of a generator.
fn items<'v>(generator: &'v Value, field: &str) -> &'v [Value] {
    generator
        .get(field)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}
