//! `cargo xtask budget`: how many crates stand behind the binary, and how long they compile.
//!
//! Build time is a feature: with `--time` all third-party dependencies of the product are compiled
//! from nothing with an empty main, in the profile that `make demo` and `make test` share.

use crate::workspace::{self, Dependency};
use anyhow::{Context as _, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Most crates behind the binary, ours included.
const MAX_CRATES: usize = 400;
/// What a cold build of the dependencies may take on two cores.
const MAX_SECONDS: u64 = 360;

/// Counts, and with `--time` compiles.
///
/// # Errors
/// Where the budget is exceeded, or Cargo fails.
pub fn run(arguments: &[String]) -> anyhow::Result<()> {
    let crates = crates_of_binary()?;
    println!(
        "budget: {} crates behind the binary, at most {MAX_CRATES}",
        crates.len()
    );
    ensure!(
        crates.len() <= MAX_CRATES,
        "too many crates: `cargo tree -p argosy -e normal,build`"
    );
    match arguments {
        [] => Ok(()),
        [flag] if flag == "--time" => time(),
        _ => anyhow::bail!("usage: cargo xtask budget [--time]"),
    }
}

/// The crates that the binary is compiled from on this platform, with their versions.
fn crates_of_binary() -> anyhow::Result<BTreeSet<String>> {
    let tree = workspace::cargo(&[
        "tree",
        "-p",
        "argosy",
        "-e",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p}",
        "--offline",
    ])?;
    let crates = tree.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some(format!("{} {}", words.next()?, words.next()?))
    });
    Ok(crates.collect())
}

fn time() -> anyhow::Result<()> {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| workspace::root().join("target"), Into::into);
    let folder = target.join(format!("budget-{}", std::process::id()));
    let seconds = compile_in(&folder);
    let _ = fs::remove_dir_all(&folder); // a leftover only costs disk, and the result matters more
    let seconds = seconds?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!(
        "budget: dependencies compiled in {seconds} s on {cores} cores, at most {MAX_SECONDS} s on two"
    );
    ensure!(
        seconds <= MAX_SECONDS,
        "the dependencies take too long: `cargo build --timings` shows which"
    );
    Ok(())
}

fn compile_in(folder: &Path) -> anyhow::Result<u64> {
    let root = workspace::root();
    fs::create_dir_all(folder.join("src")).context("making the folder of the empty main")?;
    let manifest = manifest(&foreign()?, &fs::read_to_string(root.join("Cargo.toml"))?)?;
    fs::write(folder.join("Cargo.toml"), manifest)?;
    fs::write(folder.join("src/main.rs"), "fn main() {}\n")?;
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let started = Instant::now();
    let status = Command::new(program)
        .args(["build", "--quiet", "--target-dir"])
        .arg(folder.join("target"))
        .current_dir(folder)
        .status()
        .context("running cargo")?;
    ensure!(status.success(), "the dependencies do not compile");
    Ok(started.elapsed().as_secs())
}

/// What the product's crates use from elsewhere, with the features they ask for together.
fn foreign() -> anyhow::Result<BTreeMap<String, Dependency>> {
    let mut all: BTreeMap<String, Dependency> = BTreeMap::new();
    let members = workspace::members()?;
    let product = members
        .iter()
        .filter(|member| member.folder.starts_with("crates/") && member.name != "argosy-testkit");
    for dependency in product.flat_map(|member| &member.dependencies) {
        if dependency.is_ours || dependency.is_dev {
            continue;
        }
        let known = all
            .entry(dependency.name.clone())
            .or_insert_with(|| dependency.clone());
        known.default_features |= dependency.default_features;
        for feature in &dependency.features {
            if !known.features.contains(feature) {
                known.features.push(feature.clone());
            }
        }
    }
    Ok(all)
}

/// A package of its own with these dependencies and the workspace's profiles.
fn manifest(
    dependencies: &BTreeMap<String, Dependency>,
    workspace: &str,
) -> anyhow::Result<String> {
    let mut text = String::from(
        "[workspace]\n\n[package]\nname = \"budget\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n",
    );
    for (name, dependency) in dependencies {
        writeln!(
            text,
            "{name} = {{ version = \"{}\", default-features = {}, features = {:?} }}",
            dependency.requirement, dependency.default_features, dependency.features
        )?;
    }
    let profiles = workspace
        .find("[profile.")
        .map_or("", |at| &workspace[at..]);
    Ok(format!("{text}\n{profiles}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_behind_the_binary_keep_the_budget() {
        let crates = crates_of_binary().unwrap();
        assert!(crates.len() <= MAX_CRATES, "{} crates", crates.len());
        assert!(
            crates.iter().any(|name| name.starts_with("argosy v")),
            "the tree is not the binary's"
        );
    }

    #[test]
    fn no_crate_of_the_binary_is_openssl_or_another_tls() {
        for name in crates_of_binary().unwrap() {
            let word = name.split(' ').next().unwrap_or_default();
            let banned = ["openssl", "openssl-sys", "native-tls", "ring", "schannel"];
            assert!(!banned.contains(&word), "{name}");
        }
    }

    #[test]
    fn empty_main_depends_on_everything_foreign_with_the_profiles() {
        let text = manifest(
            &foreign().unwrap(),
            "[workspace]\n\n[profile.dev]\nopt-level = 1\n",
        )
        .unwrap();
        assert!(
            text.contains("\ntokio = { version = \"^1\", default-features = true, features = [")
        );
        assert!(!text.contains("argosy"));
        assert!(text.ends_with("[profile.dev]\nopt-level = 1\n"));
    }
}
