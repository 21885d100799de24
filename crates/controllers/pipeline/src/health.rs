//! Stage `health`: of each object and of the whole.

use argosy_diff::{Comparison, Row};
use argosy_health::{Contribution, Health, health, overall};
use argosy_object::Key;
use std::collections::BTreeMap;

/// Annotation of an object that does not count.
const IGNORE: &str = "argocd.argoproj.io/ignore-healthcheck";

/// Health of an application and of its objects.
#[derive(Clone, Debug)]
pub struct AppHealth {
    /// Of the whole.
    pub overall: Health,
    /// Of each live object whose kind has a rule.
    pub objects: BTreeMap<Key, Health>,
}

/// Assesses all rows of a comparison.
pub fn app_health(comparison: &Comparison) -> AppHealth {
    let objects: BTreeMap<Key, Health> = comparison
        .rows
        .iter()
        .filter_map(|row| Some((row.key.clone(), health(row.live.as_ref()?)?)))
        .collect();
    let overall = overall(comparison.rows.iter().map(|row| Contribution {
        key: &row.key,
        health: objects.get(&row.key),
        is_live: row.live.is_some(),
        counts: counts(row),
    }));
    AppHealth { overall, objects }
}

fn counts(row: &Row) -> bool {
    let is_ignored = row
        .live
        .as_ref()
        .is_some_and(|live| live.annotation(IGNORE) == Some("true"));
    row.code.is_some() && !row.is_extraneous() && !is_ignored
}
