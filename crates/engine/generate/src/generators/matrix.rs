//! The matrix generator: every set of the first child with every set of the second, which may
//! use the first's parameters.

use super::{Cx, Place, child, items};
use crate::error::{Fault, GenerateError};
use crate::params::{Params, copy, go_text, merge_over, set, text};
use crate::template;
use argosy_gotmpl::MapRef;
use argosy_object::Value as Json;

const SECOND: &str = "failed to get params for second generator in the matrix generator";

pub(super) fn params(
    cx: &Cx<'_>,
    generator: &Json,
    place: Place<'_>,
) -> Result<Vec<Params>, Fault> {
    let [first, second] = items(generator, "generators") else {
        let few = items(generator, "generators").len() < 2;
        return Err(Fault::params(if few {
            "found less than two generators, Matrix support only two"
        } else {
            "found more than two generators, Matrix support only two"
        }));
    };
    let field = |index: usize| format!("{}.matrix.generators[{index}]", place.field);
    let (first_field, second_field) = (field(0), field(1));
    let at = |field| Place {
        field,
        depth: place.depth + 1,
    };
    let is_fixed = !second.to_string().contains("{{");

    let outer = match child(cx, first, at(&first_field)) {
        Ok(outer) => outer,
        Err(fault) => {
            if matches!(fault, Fault::Needs) && is_fixed {
                // What the second needs can be asked for in the same round.
                child(cx, second, at(&second_field)).map_err(|f| f.within(SECOND))?;
            }
            return Err(
                fault.within("error failed to get params for first generator in matrix generator")
            );
        }
    };
    // Without a tag in it, the second is the same for all.
    let mut shared = None;
    let mut sets = Vec::new();
    let mut waits = false;
    for left in &outer {
        let inner = match &shared {
            Some(shared) => Ok(Vec::clone(shared)),
            None => second_params(cx, second, left, at(&second_field)),
        };
        let inner = match inner {
            Ok(inner) => inner,
            // The others may need more: all of it is asked for at once.
            Err(Fault::Needs) if !is_fixed => {
                waits = true;
                continue;
            }
            Err(fault) => return Err(fault.within(SECOND)),
        };
        cx.count(inner.len())?;
        for right in &inner {
            sets.push(combine(cx, left, right)?);
        }
        if is_fixed && shared.is_none() {
            shared = Some(inner);
        }
    }
    if waits { Err(Fault::Needs) } else { Ok(sets) }
}

fn second_params(
    cx: &Cx<'_>,
    second: &Json,
    left: &Params,
    place: Place<'_>,
) -> Result<Vec<Params>, Fault> {
    if left.is_empty() {
        return child(cx, second, place);
    }
    let rendered = template::render_generator(cx.renderer, second, left).map_err(|text| {
        Fault::Error(GenerateError::Params(format!(
            "child generator returned an error on parameter generation: failed to replace parameters in generator: {text}"
        )))
    })?;
    child(cx, &rendered, place)
}

/// Two sets in one. In Go mode the first wins; in the default mode a key may not have two values.
fn combine(cx: &Cx<'_>, left: &Params, right: &Params) -> Result<Params, Fault> {
    if cx.renderer.go {
        let both = copy(right);
        merge_over(&both, &copy(left));
        return Ok(both);
    }
    let both = MapRef::default();
    for (key, value) in left.snapshot().iter() {
        both.insert(key.clone(), text(go_text(value)));
    }
    for (key, value) in right.snapshot().iter() {
        let theirs = go_text(value);
        let ours = both.get(key.as_bytes()).map(|ours| go_text(&ours));
        if let Some(ours) = ours.filter(|ours| *ours != theirs) {
            return Err(Fault::params(format!(
                "failed to combine string maps with merging params for the matrix generator: found duplicate key {key} with different value, a: {ours} ,b: {theirs}"
            )));
        }
        set(&both, &key.lossy(), text(theirs));
    }
    Ok(both)
}
