//! What Cargo knows about this workspace, read once for the tasks that judge it.

use anyhow::{Context as _, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The checkout.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent()
        .expect("xtask lies in the workspace")
        .to_owned()
}

/// One dependency as a manifest declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// The package's name.
    pub name: String,
    /// The version it must satisfy, `*` for a path.
    pub requirement: String,
    /// Whether only tests, examples and benches see it.
    pub is_dev: bool,
    /// Whether it is a crate of this workspace.
    pub is_ours: bool,
    /// Features beside the default.
    pub features: Vec<String>,
    /// Whether its default features are on.
    pub default_features: bool,
}

/// One crate of the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The package's name.
    pub name: String,
    /// Its folder, from the root of the workspace.
    pub folder: String,
    /// What it uses.
    pub dependencies: Vec<Dependency>,
}

/// All crates of the workspace, from `cargo metadata`.
///
/// # Errors
/// Where Cargo cannot be run or answers something else than metadata.
pub fn members() -> anyhow::Result<Vec<Member>> {
    let root = root();
    let text = cargo(&[
        "metadata",
        "--format-version",
        "1",
        "--no-deps",
        "--offline",
    ])?;
    let metadata: Value = serde_json::from_str(&text).context("reading cargo's metadata")?;
    let packages = metadata["packages"]
        .as_array()
        .context("metadata without packages")?;
    packages
        .iter()
        .map(|package| member(package, &root))
        .collect()
}

/// What a cargo command prints, run at the root.
///
/// # Errors
/// Where it fails.
pub fn cargo(arguments: &[&str]) -> anyhow::Result<String> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root())
        .output()
        .context("running cargo")?;
    ensure!(
        output.status.success(),
        "cargo {} failed: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).context("cargo's answer is no text")
}

fn member(package: &Value, root: &Path) -> anyhow::Result<Member> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let manifest = PathBuf::from(text(&package["manifest_path"]));
    let folder = manifest.parent().context("a manifest lies in a folder")?;
    let folder = folder
        .strip_prefix(root)
        .context("a member lies in the workspace")?;
    let dependencies = package["dependencies"].as_array().into_iter().flatten();
    Ok(Member {
        name: text(&package["name"]),
        folder: folder.to_string_lossy().into_owned(),
        dependencies: dependencies
            .map(|dependency| Dependency {
                name: text(&dependency["name"]),
                requirement: text(&dependency["req"]),
                is_dev: dependency["kind"] == "dev",
                is_ours: dependency["path"].is_string(),
                features: dependency["features"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(text)
                    .collect(),
                default_features: dependency["uses_default_features"] == true,
            })
            .collect(),
    })
}

/// The platform that Cargo compiles for here.
///
/// # Errors
/// Where the compiler does not say so.
pub fn host() -> anyhow::Result<String> {
    let output = Command::new("rustc")
        .arg("-vV")
        .output()
        .context("running rustc")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not name its host")?.to_owned())
}
