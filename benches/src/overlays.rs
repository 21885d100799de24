//! kustomize and Argosy on the same trees.

use crate::report::Times;
use crate::{Common, disk, process, samples, warm};
use argosy_kustomize::{BuildOptions, build, to_yaml};
use argosy_tree::{Limits, MemoryTree, RelPath, Rooted};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Overlays of one base in a row.
const OVERLAYS: usize = 1000;

/// A folder with a kustomization, in its tree.
struct Case {
    tree: PathBuf,
    folder: String,
}

/// Runs all pairs.
pub fn run(trees: Option<&Path>, common: &Common) -> anyhow::Result<()> {
    let scratch = tempfile::tempdir()?;
    let cases = match trees {
        Some(given) => cases(given)?,
        None => own(scratch.path())?,
    };
    let kustomize = argosy_testkit::realapi::tool("kustomize");
    let mut processes = Vec::new();
    match &kustomize {
        None => eprintln!("SKIPPED: pairs with kustomize's process: `make assets` builds it"),
        Some(kustomize) => {
            for case in &cases {
                let path = case.path().display().to_string();
                let theirs = ["build".to_owned(), path.clone()];
                let ours = ["kustomize".to_owned(), "build".to_owned(), path];
                let pair =
                    process::pair((kustomize, &theirs), (&common.argosy, &ours), common.rounds)?;
                processes.push(pair);
            }
        }
    }
    let own: Vec<Option<Duration>> = cases
        .iter()
        .map(in_process)
        .collect::<anyhow::Result<_>>()?;
    let lines: Vec<String> = cases
        .iter()
        .map(|case| case.path().display().to_string())
        .collect();
    Times {
        tool: "kustomize",
        processes: &processes,
        own: &own,
        lines: &lines,
    }
    .print(scratch.path())?;
    let tree = MemoryTree::new(samples::overlays(OVERLAYS));
    for threads in [1, 2] {
        println!(
            "{OVERLAYS} overlays, {threads} at once {:>6.2} s",
            thousand(&tree, threads)?
        );
    }
    Ok(())
}

/// Builds all overlays, so many at once; gives the seconds.
fn thousand(tree: &MemoryTree, threads: usize) -> anyhow::Result<f64> {
    let start = Instant::now();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|first| {
                scope.spawn(move || -> anyhow::Result<()> {
                    for number in (first..OVERLAYS).step_by(threads) {
                        std::hint::black_box(text(tree, &format!("overlays/o{number}"))?);
                    }
                    Ok(())
                })
            })
            .collect();
        let outcomes = workers
            .into_iter()
            .map(|w| w.join().expect("a build does not panic"));
        outcomes.collect::<anyhow::Result<()>>()
    })?;
    Ok(start.elapsed().as_secs_f64())
}

fn text(tree: &MemoryTree, folder: &str) -> anyhow::Result<String> {
    let rooted = Rooted::new(tree, Limits::default());
    let built = build(&rooted, &RelPath::new(folder)?, &BuildOptions::default())?;
    Ok(to_yaml(
        built.objects.iter().map(|(object, _)| object.value()),
    ))
}

/// A build in the process; `None` where it fails.
fn in_process(case: &Case) -> anyhow::Result<Option<Duration>> {
    let tree = disk::read(&case.tree)?;
    Ok(warm::mean(|| text(&tree, &case.folder).ok()))
}

impl Case {
    fn path(&self) -> PathBuf {
        self.tree.join(&self.folder)
    }
}

/// A few overlays of the sample, on the disk.
fn own(folder: &Path) -> anyhow::Result<Vec<Case>> {
    const SOME: usize = 20;
    let tree = folder.join("tree");
    for (name, text) in samples::overlays(SOME) {
        let path = tree.join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(&tree))?;
        std::fs::write(path, text)?;
    }
    let case = |number| Case {
        tree: tree.clone(),
        folder: format!("overlays/o{number}"),
    };
    Ok((0..SOME).map(case).collect())
}

fn cases(folder: &Path) -> anyhow::Result<Vec<Case>> {
    let mut trees: Vec<PathBuf> = std::fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    trees.sort();
    let mut found = Vec::new();
    for tree in trees {
        let runs = std::fs::read_to_string(tree.join(".runs")).unwrap_or_else(|_| "/".into());
        found.extend(runs.lines().map(|run| Case {
            tree: tree.clone(),
            folder: run.trim_start_matches('/').to_owned(),
        }));
    }
    Ok(found)
}
