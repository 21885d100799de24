//! The order of the objects in the end.

use crate::error::KustomizeError;
use crate::id::{Gvk, ResId};
use crate::kustomization::{LegacySortOptions, SortOptions};
use crate::resmap::ResMap;
use std::cmp::Ordering;

const FIRST: [&str; 22] = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];
const LAST: [&str; 2] = [
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];

/// Puts the objects in the order that `options` ask for; by kind, where they ask for nothing.
pub(crate) fn sort(map: &mut ResMap, options: Option<&SortOptions>) -> Result<(), KustomizeError> {
    let legacy = match options {
        None => None,
        Some(SortOptions {
            order,
            legacy_sort_options,
        }) => match order.as_str() {
            "fifo" if legacy_sort_options.is_some() => {
                return Err(KustomizeError::failed(
                    "the field 'sortOptions.legacySortOptions' is set but the selected sort order \
                     is 'fifo', not 'legacy'",
                ));
            }
            "fifo" => return Ok(()),
            "legacy" => legacy_sort_options.as_ref(),
            _ => {
                return Err(KustomizeError::failed(
                    "the field 'sortOptions.order' must be one of [fifo, legacy]",
                ));
            }
        },
    };
    let mut rows: Vec<(i64, ResId, usize)> = map
        .list
        .iter()
        .enumerate()
        .map(|(at, resource)| {
            let id = resource.id();
            (rank(&id.gvk.kind, legacy), id, at)
        })
        .collect();
    rows.sort_by(|a, b| {
        if a.1.gvk == b.1.gvk {
            return id_text(&a.1).cmp(&id_text(&b.1));
        }
        a.0.cmp(&b.0).then_with(|| by_gvk(&a.1.gvk, &b.1.gvk))
    });
    let mut old: Vec<Option<_>> = std::mem::take(&mut map.list)
        .into_iter()
        .map(Some)
        .collect();
    map.list = rows
        .iter()
        .filter_map(|(_, _, at)| old[*at].take())
        .collect();
    Ok(())
}

fn rank(kind: &str, options: Option<&LegacySortOptions>) -> i64 {
    let place = |first: &[&str], last: &[&str]| {
        if let Some(at) = last.iter().position(|k| *k == kind) {
            return 1 + at as i64;
        }
        first
            .iter()
            .position(|k| *k == kind)
            .map_or(0, |at| at as i64 - first.len() as i64)
    };
    match options {
        None => place(&FIRST, &LAST),
        Some(options) => {
            let first: Vec<&str> = options.order_first.iter().map(String::as_str).collect();
            let last: Vec<&str> = options.order_last.iter().map(String::as_str).collect();
            place(&first, &last)
        }
    }
}

/// Sorts by the order that kustomize gives to kinds; `of` gives group, version and kind.
pub(crate) fn sort_by_kind<T>(list: &mut [T], of: impl Fn(&T) -> [&str; 3]) {
    if list.len() > 1 {
        list.sort_by_cached_key(|item| (rank(of(item)[2], None), gvk_text(of(item))));
    }
}

fn gvk_text([group, version, kind]: [&str; 3]) -> String {
    let or = |text, none| if str::is_empty(text) { none } else { text };
    let parts = [or(group, "~G"), "_", or(version, "~V"), "_", or(kind, "~K")];
    parts.concat()
}

/// Compat: by group, version and kind as texts; a Namespace of the core group comes before those
/// of others.
fn by_gvk(a: &Gvk, b: &Gvk) -> Ordering {
    let text = |gvk: &Gvk| gvk_text([&gvk.group, &gvk.version, &gvk.kind]);
    let natural = text(a).cmp(&text(b));
    let namespaces = a.kind == "Namespace" && b.kind == "Namespace";
    if namespaces && (a.group.is_empty() || b.group.is_empty()) {
        natural.reverse()
    } else {
        natural
    }
}

fn id_text(id: &ResId) -> String {
    let namespace = if id.namespace.is_empty() {
        "~X"
    } else {
        &id.namespace
    };
    let name = if id.name.is_empty() { "~N" } else { &id.name };
    format!("{}|{namespace}|{name}", id.gvk)
}
