//! The web page: built with Node where that is there, and a browser for its tests.
//!
//! Nothing else needs Node: a server that is built without the page serves one that says so.

use anyhow::{Context as _, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const CHROMIUM: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Builds `web/dist` where it is not up to date, and prints how large the first load is.
///
/// # Errors
/// Where the build fails, or, with `ARGOSY_REQUIRE_ALL=1`, where Node is absent.
pub fn build() -> anyhow::Result<()> {
    if !runs("node") {
        return missing("web: Node 20 or later is not installed; the page is not built");
    }
    let status = Command::new("node")
        .arg(root().join("web/scripts/make.mjs"))
        .status()
        .context("running node")?;
    ensure!(status.success(), "the page is not built");
    Ok(())
}

/// Makes sure of a browser for the page's tests: installs Debian's where that can be done.
///
/// # Errors
/// With `ARGOSY_REQUIRE_ALL=1`, where there is none in the end.
pub fn browser() -> anyhow::Result<()> {
    if CHROMIUM.iter().any(|name| runs(name)) {
        return Ok(());
    }
    if runs("apt-get") && is_root() {
        println!("web: installing chromium with apt-get, once");
        let apt = |args: &[&str]| {
            Command::new("apt-get")
                .args(args)
                .env("DEBIAN_FRONTEND", "noninteractive")
                .stdout(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        };
        let install = [
            "install",
            "-y",
            "-qq",
            "--no-install-recommends",
            "chromium",
        ];
        if apt(&install) || (apt(&["update", "-qq"]) && apt(&install)) {
            return Ok(());
        }
    }
    missing("web: no chromium for the page's tests (`apt-get install chromium`)")
}

fn missing(what: &str) -> anyhow::Result<()> {
    if std::env::var("ARGOSY_REQUIRE_ALL").is_ok_and(|value| value == "1") {
        bail!("{what}, and ARGOSY_REQUIRE_ALL=1 is set");
    }
    println!("SKIPPED: {what}");
    Ok(())
}

fn runs(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout == b"0\n")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
