//! The arrows between crates: which may use which.
//!
//! Folders under `crates/` are floors. A crate uses floors below its own; on its own floor only
//! what [`ARROWS`] names, each with its reason. Dev-dependencies are exempt.

use crate::workspace::Member;

/// The floors from the ground up, as folders under `crates/`.
const FLOORS: [&str; 8] = [
    "base",
    "languages",
    "engine",
    "ports",
    "adapters",
    "controllers",
    "surfaces",
    "argosy",
];

/// The floors that perform no IO, know no clock and are not asynchronous.
const PURE_FLOORS: usize = 3;

/// Crates that bring IO, clocks or a runtime, so no pure floor may use them.
const IMPURE: [&str; 12] = [
    "async-trait",
    "futures-util",
    "getrandom",
    "gix",
    "hyper",
    "kube-client",
    "redb",
    "rustix",
    "rustls",
    "tempfile",
    "tokio",
    "ureq",
];

/// Who alone links a crate that is dear to compile or must not spread.
const SOLE_USERS: [(&str, &[&str]); 4] = [
    ("k8s-openapi", &["argosy-kube"]),
    ("kube-client", &["argosy-kube"]),
    ("gix", &["argosy-git"]),
    ("redb", &["argosy-kubeapi"]),
];

/// What a crate may use on its own floor: the user, the used, and why.
const ARROWS: &[(&str, &str, &str)] = &[
    (
        "yaml",
        "object",
        "a document becomes an object, and a limit or an error has its class",
    ),
    (
        "tree",
        "object",
        "digests name its blobs, and its errors have classes",
    ),
    ("crds", "object", "typed views look into objects"),
    (
        "sprig",
        "gotmpl",
        "its functions are functions of that language",
    ),
    (
        "kustomize",
        "schema",
        "patches merge by the kinds' list keys",
    ),
    ("kustomize", "helm", "helmCharts are inflated"),
    (
        "helm",
        "schema",
        "a release's objects merge by the kinds' list keys",
    ),
    (
        "helm",
        "health",
        "a release waits until its objects are current",
    ),
    ("render", "helm", "one of its tools"),
    ("render", "kustomize", "one of its tools"),
    (
        "diff",
        "schema",
        "three-way and server-side merges know kinds",
    ),
    ("sync", "diff", "a plan is made from a comparison"),
    ("sync", "health", "a wave ends when its objects are healthy"),
    ("sync", "policy", "windows and projects decide what may run"),
    ("git", "fetch", "its HTTP goes out as all HTTP does"),
    ("oci", "fetch", "its HTTP goes out as all HTTP does"),
    ("pipeline", "frame", "stages report phases and events"),
    ("argo", "frame", "its controllers run on the queue"),
    ("argo", "pipeline", "its reconcile calls the stages"),
];

/// Every arrow that nothing allows, and every rule of [`SOLE_USERS`] and [`IMPURE`] broken.
pub fn faults(members: &[Member]) -> Vec<String> {
    let mut faults = Vec::new();
    for member in members {
        // xtask and conformance stand beside the house.
        let Some(own) = floor(member) else { continue };
        for dependency in member
            .dependencies
            .iter()
            .filter(|dependency| !dependency.is_dev)
        {
            if !dependency.is_ours {
                faults.extend(foreign_fault(member, own, &dependency.name));
                continue;
            }
            let Some(used) = members.iter().find(|other| other.name == dependency.name) else {
                continue;
            };
            faults.extend(arrow_fault(member, own, used));
        }
    }
    faults
}

fn arrow_fault(member: &Member, own: usize, used: &Member) -> Option<String> {
    let Some(below) = floor(used) else {
        return Some(format!(
            "{}: `{}` is no part of the product",
            member.name, used.name
        ));
    };
    let (from, to) = (short(member), short(used));
    let is_named = ARROWS
        .iter()
        .any(|(user, target, _)| *user == from && *target == to);
    if below < own || (below == own && is_named) {
        return None;
    }
    Some(format!(
        "{}: uses `{}`, and floor `{}` may not use `{}`: move the code, or name the arrow with its \
         reason in xtask/src/check/floors.rs",
        member.name, used.name, FLOORS[own], FLOORS[below]
    ))
}

fn foreign_fault(member: &Member, own: usize, name: &str) -> Option<String> {
    if own < PURE_FLOORS && IMPURE.contains(&name) {
        return Some(format!(
            "{}: floor `{}` performs no IO, so it may not use `{name}`",
            member.name, FLOORS[own]
        ));
    }
    let (_, users) = SOLE_USERS.iter().find(|(sole, _)| *sole == name)?;
    (!users.contains(&member.name.as_str())).then(|| {
        format!(
            "{}: only {} may use `{name}`",
            member.name,
            users.join(", ")
        )
    })
}

fn floor(member: &Member) -> Option<usize> {
    let folder = member.folder.strip_prefix("crates/")?;
    let floor = folder.split('/').next().unwrap_or(folder);
    FLOORS.iter().position(|known| *known == floor)
}

fn short(member: &Member) -> &str {
    member.name.strip_prefix("argosy-").unwrap_or(&member.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    fn member(name: &str, folder: &str, uses: &[(&str, bool)]) -> Member {
        let dependency = |(name, is_dev): &(&str, bool)| Dependency {
            name: (*name).into(),
            requirement: "*".into(),
            is_dev: *is_dev,
            is_ours: name.starts_with("argosy-"),
            features: Vec::new(),
            default_features: true,
        };
        Member {
            name: name.into(),
            folder: folder.into(),
            dependencies: uses.iter().map(dependency).collect(),
        }
    }

    #[test]
    fn arrows_down_pass_and_arrows_up_or_aside_fail() {
        let members = [
            member("argosy-object", "crates/base/object", &[]),
            member(
                "argosy-diff",
                "crates/engine/diff",
                &[("argosy-object", false), ("argosy-schema", false)],
            ),
            member(
                "argosy-schema",
                "crates/engine/schema",
                &[("argosy-diff", false)],
            ),
            member(
                "argosy-glob",
                "crates/base/glob",
                &[("argosy-schema", false)],
            ),
            member(
                "argosy-tree",
                "crates/base/tree",
                &[("argosy-schema", true)],
            ),
        ];
        let faults = faults(&members);
        assert_eq!(faults.len(), 2, "{faults:#?}");
        assert!(
            faults[0].starts_with("argosy-schema: uses `argosy-diff`"),
            "{faults:#?}"
        );
        assert!(
            faults[1].starts_with("argosy-glob: uses `argosy-schema`"),
            "{faults:#?}"
        );
    }

    #[test]
    fn pure_floors_use_no_runtime_and_dear_crates_have_one_user() {
        let members = [
            member("argosy-health", "crates/engine/health", &[("tokio", false)]),
            member(
                "argosy-cli",
                "crates/surfaces/cli",
                &[("gix", false), ("tokio", false)],
            ),
            member("argosy-yaml", "crates/base/yaml", &[("tokio", true)]),
            member("xtask", "xtask", &[("gix", false)]),
        ];
        let faults = faults(&members);
        assert_eq!(faults.len(), 2, "{faults:#?}");
        assert!(faults[0].starts_with("argosy-health: floor `engine` performs no IO"));
        assert!(faults[1].starts_with("argosy-cli: only argosy-git may use `gix`"));
    }

    #[test]
    fn every_named_arrow_stays_on_one_floor() {
        let members = crate::workspace::members().unwrap();
        let floor_of = |name: &str| {
            let found = members.iter().find(|member| short(member) == name);
            found.and_then(floor)
        };
        for (user, used, _) in ARROWS {
            assert_eq!(floor_of(user), floor_of(used), "{user} -> {used}");
            assert!(floor_of(user).is_some(), "{user} -> {used} names no crate");
        }
    }
}
