//! What an update sends for one object, and which objects it deletes.

use argosy_object::{Key, Object, Value as Json};
use argosy_schema::{
    KindSchema, Patch, PatchError, PatchKind, merge_three_way, three_way, two_way_merge,
};
use std::collections::BTreeSet;

/// The annotation that keeps an object when its release no longer has it.
const POLICY: &str = "helm.sh/resource-policy";

/// The patch of client-side apply from what the last revision said to what this one does.
///
/// `kind` is `None` for kinds that no one knows. `merges_custom` has custom kinds merged with what
/// is live; else they get the difference between the two revisions.
///
/// # Errors
/// [`PatchError`] where the three do not fit the schema.
pub fn client_side_patch(
    kind: Option<&KindSchema>,
    original: &Json,
    target: &Json,
    live: &Json,
    merges_custom: bool,
) -> Result<Patch, PatchError> {
    if kind.is_some_and(|kind| !kind.is_custom()) {
        return three_way(kind, Some(original), target, live);
    }
    let body = if merges_custom {
        merge_three_way(Some(original), target, live)
    } else {
        two_way_merge(original, target)
    };
    Ok(Patch {
        kind: PatchKind::Merge,
        body,
    })
}

/// The objects that the last revision has and this one does not, whatever their versions.
pub fn removed<'o>(originals: &'o [Object], targets: &[Object]) -> Vec<&'o Object> {
    let kept: BTreeSet<Key> = targets.iter().map(Object::key).collect();
    let originals = originals.iter();
    originals
        .filter(|object| !kept.contains(&object.key()))
        .collect()
}

/// Whether a live object goes with its release.
pub fn is_removable(live: &Object) -> bool {
    live.annotation(POLICY) != Some("keep")
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    fn named(api_version: &str, name: &str) -> Object {
        Object::from_trusted(
            json!({"apiVersion": api_version, "kind": "Widget", "metadata": {"name": name}}),
        )
    }

    #[test]
    fn a_new_version_of_a_kind_is_no_new_object() {
        let before = [named("x.io/v1beta1", "a"), named("x.io/v1beta1", "b")];
        let after = [named("x.io/v1", "a")];
        let gone: Vec<&str> = removed(&before, &after).iter().map(|o| o.name()).collect();
        assert_eq!(gone, ["b"]);
    }

    #[test]
    fn a_custom_object_gets_what_changed_between_the_revisions() {
        let original = json!({"spec": {"a": 1, "b": 2}});
        let target = json!({"spec": {"a": 1, "c": 3}});
        let live = json!({"spec": {"a": 9, "b": 2}});
        let plain = client_side_patch(None, &original, &target, &live, false).unwrap();
        assert_eq!(plain.body, json!({"spec": {"b": null, "c": 3}}));
        let merged = client_side_patch(None, &original, &target, &live, true).unwrap();
        assert_eq!(merged.body, json!({"spec": {"a": 1, "b": null, "c": 3}}));
    }
}
