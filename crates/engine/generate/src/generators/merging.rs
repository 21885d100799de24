//! The merge generator: the first child's sets, overridden by those of the others that have the
//! same merge keys.

use super::{Cx, Place, child, items};
use crate::error::Fault;
use crate::params::{Params, copy, merge_over};
use argosy_object::{Map, Value as Json};
use std::collections::{HashMap, HashSet};

pub(super) fn params(
    cx: &Cx<'_>,
    generator: &Json,
    place: Place<'_>,
) -> Result<Vec<Params>, Fault> {
    let children = items(generator, "generators");
    if children.len() < 2 {
        return Err(Fault::params(
            "found less than two generators, Merge requires two or more",
        ));
    }
    let mut all = Vec::new();
    let mut waits = false;
    for (index, entry) in children.iter().enumerate() {
        let field = format!("{}.merge.generators[{index}]", place.field);
        match child(
            cx,
            entry,
            Place {
                field: &field,
                depth: place.depth + 1,
            },
        ) {
            Ok(sets) => all.push(sets),
            Err(Fault::Needs) => waits = true,
            Err(fault) => {
                let context = format!(
                    "error getting param sets from generators: error getting params from generator {} of {}",
                    index + 1,
                    children.len()
                );
                return Err(fault.within(&context));
            }
        }
    }
    if waits {
        return Err(Fault::Needs);
    }
    let keys: Vec<&str> = items(generator, "mergeKeys")
        .iter()
        .filter_map(Json::as_str)
        .collect();
    let mut all = all.into_iter();
    let base = by_key(&keys, all.next().unwrap_or_default())?;
    for overrides in all {
        let overrides: HashMap<_, _> = by_key(&keys, overrides)?.into_iter().collect();
        for (key, params) in &base {
            let Some(theirs) = overrides.get(key) else {
                continue;
            };
            if cx.renderer.go {
                merge_over(params, &copy(theirs));
            } else {
                for (key, value) in theirs.snapshot().iter() {
                    params.insert(key.clone(), value.clone());
                }
            }
        }
    }
    Ok(base.into_iter().map(|(_, params)| params).collect())
}

/// Sets with the JSON of their merge keys, in order.
fn by_key(keys: &[&str], sets: Vec<Params>) -> Result<Vec<(String, Params)>, Fault> {
    const CONTEXT: &str = "error getting param sets by merge key";
    if keys.is_empty() {
        return Err(
            Fault::params("no merge keys were specified, Merge requires at least one")
                .within(CONTEXT),
        );
    }
    let mut seen = HashSet::new();
    let mut out = Vec::with_capacity(sets.len());
    for params in sets {
        let value = |key: &&str| {
            params
                .get(key.as_bytes())
                .map_or(Json::Null, |v| v.to_json())
        };
        let key: Map<String, Json> = keys
            .iter()
            .map(|key| ((*key).to_owned(), value(key)))
            .collect();
        let key = argosy_yaml::write_json_go(&Json::Object(key));
        if !seen.insert(key.clone()) {
            return Err(Fault::params(format!(
                "the parameters from a generator were not unique by the given mergeKeys, Merge requires all param sets to be unique. Duplicate key was {key}"
            ))
            .within(CONTEXT));
        }
        out.push((key, params));
    }
    Ok(out)
}
