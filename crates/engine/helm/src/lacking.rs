//! What a chart's folder lacks: dependencies that Chart.yaml names and `charts/` does not hold.

use argosy_semver::{Constraint, Version};
use argosy_tree::{RelPath, Rooted};

use crate::cache::TemplateCache;
use crate::chart::{Chart, Dependency};
use crate::error::HelmError;
use crate::load::{load_cached, load_folder};
use crate::lock::{legacy_lock_digest, lock_digest};

/// Most dependencies that are fetched for one chart. Compat: Helm has no such limit.
const MAX_DEPENDENCIES: usize = 100;

/// What must be fetched before the chart in a folder renders: all its dependencies that come
/// from elsewhere, at the versions of Chart.lock where there is one, and nothing where none is
/// missing.
///
/// Compat: Argo CD runs `helm dependency build` where `helm template` misses a dependency, and
/// that fetches all of them.
///
/// # Errors
/// In Helm's words: a chart that does not load, a lock that does not fit Chart.yaml.
pub fn lacking(
    reader: &Rooted<'_>,
    folder: &RelPath,
    cache: &TemplateCache,
) -> Result<Vec<Dependency>, HelmError> {
    let chart = load_cached(reader, folder, cache)?;
    if chart.missing_dependencies().is_empty() {
        return Ok(Vec::new());
    }
    let wanted = chart.metadata.dependencies.as_deref().unwrap_or_default();
    if wanted.len() > MAX_DEPENDENCIES {
        let text = format!("more than {MAX_DEPENDENCIES} dependencies are to be fetched");
        return Err(HelmError::Limit(text));
    }
    let all = match &chart.lock {
        Some(lock) => {
            check_lock(&chart, wanted)?;
            &lock.dependencies[..]
        }
        None => wanted,
    };
    for dependency in all.iter().filter(|one| one.repository.is_empty()) {
        let name = &dependency.name;
        if !chart.dependencies.iter().any(|sub| sub.name() == name) {
            return Err(HelmError::Chart(format!(
                "directory {} not found",
                folder.child("charts").child(name)
            )));
        }
    }
    let elsewhere = all.iter().filter(|one| !one.repository.is_empty());
    Ok(elsewhere.cloned().collect())
}

/// Compat: names of repositories are part of the digest by their URLs, which are not known here:
/// a lock of such a chart is believed.
fn check_lock(chart: &Chart, wanted: &[Dependency]) -> Result<(), HelmError> {
    let is_name = |place: &str| place.starts_with('@') || place.starts_with("alias:");
    let Some(lock) = &chart.lock else {
        return Ok(());
    };
    if wanted.iter().any(|one| is_name(&one.repository)) {
        return Ok(());
    }
    let is_legacy = chart.metadata.api_version == "v1";
    if lock_digest(wanted, &lock.dependencies) == lock.digest
        || (is_legacy && legacy_lock_digest(wanted) == lock.digest)
    {
        return Ok(());
    }
    let (lock, file) = if is_legacy {
        ("requirements.lock", "requirements.yaml")
    } else {
        ("Chart.lock", "Chart.yaml")
    };
    Err(HelmError::Chart(format!(
        "the lock file ({lock}) is out of sync with the dependencies file ({file}). Please update \
         the dependencies"
    )))
}

/// Loads a dependency that lies in a folder beside the chart (`file://../other`).
///
/// # Errors
/// In Helm's words: there is none, or its version does not suit.
pub fn load_beside(
    reader: &Rooted<'_>,
    folder: &RelPath,
    dependency: &Dependency,
) -> Result<Chart, HelmError> {
    let place = dependency.repository.strip_prefix("file://");
    let place = place.unwrap_or(&dependency.repository);
    let refused = || HelmError::Chart(format!("directory {place} not found"));
    // Compat: on a disk an absolute path is one; in a repository there is none.
    if place.starts_with('/') {
        return Err(refused());
    }
    let path = folder.join(place).map_err(|_| refused())?;
    if !reader.is_dir(&path)? {
        return Err(refused());
    }
    let chart = load_folder(reader, &path)?;
    let range = Constraint::parse(&dependency.version).map_err(|error| {
        HelmError::Chart(format!(
            "dependency {:?} has an invalid version/constraint format: {error}",
            dependency.name
        ))
    })?;
    let suits = Version::parse(&chart.metadata.version).is_ok_and(|found| range.check(&found));
    if !suits {
        return Err(HelmError::Chart(format!(
            "can't get a valid version for dependency {}",
            dependency.name
        )));
    }
    Ok(chart)
}

/// The chart with what was fetched for it, in the place of subcharts of the same names.
pub(crate) fn complete(chart: &Chart, fetched: &[Chart]) -> Chart {
    let mut chart = chart.clone();
    chart
        .dependencies
        .retain(|sub| !fetched.iter().any(|new| new.name() == sub.name()));
    chart.dependencies.extend(fetched.iter().cloned());
    chart
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_tree::{Limits, MemoryTree};

    const CHART: &str = "apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies:\n\
                         - {name: a, version: ^1, repository: 'https://h/charts'}\n\
                         - {name: b, version: '*', repository: 'file://../b'}\n";

    fn asked(files: &[(&str, &str)]) -> Result<Vec<Dependency>, HelmError> {
        let tree = MemoryTree::new(files.iter().map(|(path, text)| (*path, (*text).to_owned())));
        let reader = Rooted::new(&tree, Limits::default());
        lacking(
            &reader,
            &RelPath::new("c").expect("a path"),
            &TemplateCache::new(),
        )
    }

    #[test]
    fn what_is_missing_is_asked_for_and_all_else_with_it() {
        let found = asked(&[("c/Chart.yaml", CHART)]).expect("it loads");
        let places: Vec<&str> = found.iter().map(|one| one.repository.as_str()).collect();
        assert_eq!(places, ["https://h/charts", "file://../b"]);
        let vendored = asked(&[
            ("c/Chart.yaml", CHART),
            (
                "c/charts/a/Chart.yaml",
                "apiVersion: v2\nname: a\nversion: 1.1.0\n",
            ),
            (
                "c/charts/b/Chart.yaml",
                "apiVersion: v2\nname: b\nversion: 1.1.0\n",
            ),
        ]);
        assert_eq!(vendored.expect("it loads"), []);
    }

    #[test]
    fn a_lock_pins_versions_and_must_fit() {
        let wanted = asked(&[("c/Chart.yaml", CHART)]).expect("it loads");
        let mut locked = wanted.clone();
        locked[0].version = "1.2.3".into();
        locked[1].version = "0.1.0".into();
        let lock = crate::Lock {
            generated: String::new(),
            digest: lock_digest(&wanted, &locked),
            dependencies: locked,
        };
        let text = lock.to_yaml();
        let found = asked(&[("c/Chart.yaml", CHART), ("c/Chart.lock", &text)]).expect("it loads");
        assert_eq!(found[0].version, "1.2.3");
        let other = CHART.replace("^1", "^2");
        let error = asked(&[("c/Chart.yaml", &other), ("c/Chart.lock", &text)]).expect_err("off");
        assert!(error.to_string().contains("out of sync"), "{error}");
    }

    #[test]
    fn folders_beside_are_loaded_and_never_from_outside() {
        let tree = MemoryTree::new([
            ("c/Chart.yaml", CHART),
            ("b/Chart.yaml", "apiVersion: v2\nname: b\nversion: 1.1.0\n"),
        ]);
        let reader = Rooted::new(&tree, Limits::default());
        let folder = RelPath::new("c").expect("a path");
        let load = |repository: &str, version: &str| {
            let dependency = Dependency {
                name: "b".into(),
                version: version.into(),
                repository: repository.into(),
                ..Dependency::default()
            };
            load_beside(&reader, &folder, &dependency).map(|chart| chart.metadata.version)
        };
        assert_eq!(load("file://../b", "*").expect("it loads"), "1.1.0");
        for (repository, version) in [
            ("file://../b", "^2"),
            ("file:///etc", "*"),
            ("file://../../x", "*"),
            ("file://../none", "*"),
        ] {
            assert!(load(repository, version).is_err(), "{repository} {version}");
        }
    }
}
