//! Repositories that are larger than anybody wants: only what is looked at is read.

use crate::world::{World, try_read};
use argosy_ports::Sources;
use argosy_testkit::githttp::GitServer;
use argosy_tree::{Limits, RelPath, Rooted, TreeError};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Makes a commit of what a closure writes as `git fast-import` reads it.
fn import(dir: &Path, write: impl FnOnce(&mut dyn Write)) {
    let init = Command::new("git")
        .args(["init", "-q", "--bare", "-b", "main"])
        .arg(dir)
        .status()
        .unwrap();
    assert!(init.success());
    let mut child = Command::new("git")
        .arg("-C")
        .arg(dir)
        .args(["-c", "core.compression=1", "fast-import", "--quiet"])
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "safe.directory")
        .env("GIT_CONFIG_VALUE_0", "*")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = std::io::BufWriter::new(child.stdin.take().unwrap());
    input
        .write_all(
            b"commit refs/heads/main\ncommitter A <a@example.test> 1700000000 +0000\ndata 1\nm\n",
        )
        .unwrap();
    write(&mut input);
    input.flush().unwrap();
    drop(input);
    assert!(child.wait().unwrap().success());
}

/// The most memory that this process has had so far, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

#[tokio::test]
async fn of_a_hundred_thousand_files_only_what_is_looked_at_is_read() {
    let world = World::new();
    import(&world.repos().join("large.git"), |input| {
        for folder in 0..1000 {
            for file in 0..100 {
                let text = format!("kind: ConfigMap # {folder} {file}\n");
                let path = format!("apps/{:02}/{folder:04}/f{file:03}.yaml", folder % 100);
                let head = format!("M 100644 inline {path}\ndata {}\n", text.len());
                input.write_all(head.as_bytes()).unwrap();
                input.write_all(text.as_bytes()).unwrap();
            }
        }
    });
    let server = GitServer::start(&world.repos(), None);
    let repo = world
        .sources
        .repo(&format!("{}/large.git", server.url), "default");
    let (begun, before) = (Instant::now(), peak());
    let artifact = world.resolve(&repo, "main").await.unwrap();
    println!(
        "clone of 100,000 files: {:?}, peak {before} -> {} MiB",
        begun.elapsed(),
        peak()
    );
    let (begun, before) = (Instant::now(), peak());
    let tree = world.sources.tree(&artifact).await.unwrap();
    let rooted = Rooted::new(&*tree, Limits::default());
    let folder = RelPath::new("apps/42/0042").unwrap();
    assert_eq!(rooted.names(&folder).unwrap().len(), 100);
    let file = rooted.read(&RelPath::new("apps/42/0042/f007.yaml").unwrap());
    assert_eq!(file.unwrap(), "kind: ConfigMap # 42 7\n");
    println!(
        "one folder and file: {:?}, peak {before} -> {} MiB",
        begun.elapsed(),
        peak()
    );
    assert_eq!(rooted.reads().len(), 2);
    // All names of it are within the limit on looks, and cost no content.
    let begun = Instant::now();
    let all = rooted.walk(&RelPath::root()).unwrap();
    assert_eq!(all.len(), 100_000);
    println!("all names: {:?}, peak {} MiB", begun.elapsed(), peak());
}

#[tokio::test]
async fn a_file_over_the_limit_is_refused_by_name_when_it_is_read() {
    const SIZE: usize = 200 << 20;
    let world = World::new();
    import(&world.repos().join("big.git"), |input| {
        let head = format!("M 100644 inline assets/film.bin\ndata {SIZE}\n");
        input.write_all(head.as_bytes()).unwrap();
        let block = vec![b'x'; 1 << 20];
        for _ in 0..SIZE / block.len() {
            input.write_all(&block).unwrap();
        }
        input
            .write_all(b"\nM 100644 inline small\ndata 2\nok\n")
            .unwrap();
    });
    let server = GitServer::start(&world.repos(), None);
    let repo = world
        .sources
        .repo(&format!("{}/big.git", server.url), "default");
    let (begun, before) = (Instant::now(), peak());
    let artifact = world.resolve(&repo, "main").await.unwrap();
    println!(
        "clone of a 200 MiB file: {:?}, peak {before} -> {} MiB",
        begun.elapsed(),
        peak()
    );
    let tree = world.sources.tree(&artifact).await.unwrap();
    assert_eq!(try_read(&*tree, "small").as_deref(), Some("ok"));
    let generous = Limits {
        file_bytes: 1 << 40,
        total_bytes: 1 << 40,
        ..Limits::default()
    };
    let (begun, before) = (Instant::now(), peak());
    let rooted = Rooted::new(&*tree, generous);
    let path = RelPath::new("assets/film.bin").unwrap();
    let error = rooted.read(&path).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`assets/film.bin`: the file's size is over the limit of 33554432"
    );
    assert!(matches!(error, TreeError::Limit { .. }));
    println!(
        "refusal: {:?}, peak {before} -> {} MiB",
        begun.elapsed(),
        peak()
    );
    // With a limit of its own it is read.
    let larger = World::with(|settings| {
        settings.max_file_bytes = 1 << 30;
        settings.local_roots.push(world.repos());
    });
    let repo = larger.sources.repo(&world.local("big.git").url, "default");
    let artifact = larger.resolve(&repo, "main").await.unwrap();
    let tree = larger.sources.tree(&artifact).await.unwrap();
    let rooted = Rooted::new(&*tree, generous);
    assert_eq!(rooted.read(&path).unwrap().len(), SIZE);
}
