//! When a set is to be generated again though nothing was seen to change.

use argosy_object::{Object, Value};

/// How long git generators wait, in seconds.
const GIT_DEFAULT: u64 = 180;

/// Seconds until a set is to be generated again: the shortest of its generators' periods, `None`
/// where none of them polls.
///
/// Compat: `requeueAfterSeconds` of the git generator, three minutes where it has none; lists and
/// clusters never poll.
pub fn requeue_after_seconds(set: &Object) -> Option<u64> {
    let generators = set.pointer("/spec/generators").and_then(Value::as_array)?;
    generators
        .iter()
        .filter_map(|entry| of_entry(entry, 0))
        .min()
}

fn of_entry(entry: &Value, depth: usize) -> Option<u64> {
    let git = entry.get("git").filter(|git| !git.is_null()).map(|git| {
        git.get("requeueAfterSeconds")
            .and_then(Value::as_u64)
            .unwrap_or(GIT_DEFAULT)
            .max(1)
    });
    let nested = ["matrix", "merge"]
        .into_iter()
        .filter(|_| depth < 2)
        .filter_map(|kind| {
            let children = entry.get(kind)?.get("generators")?.as_array()?;
            children
                .iter()
                .filter_map(|child| of_entry(child, depth + 1))
                .min()
        });
    git.into_iter().chain(nested).min()
}
