//! A real OpenSSH server for tests, from Debian's packages: unpacked and never installed.
//!
//! It lands in `$ARGOSY_CACHE/sshd-1` (`~/.cache/argosy/..` by default), with the library that
//! lets it run without rights. Where the machine has no `apt-get` or no `ssh` client one line says
//! so, and with `ARGOSY_REQUIRE_ALL=1` that is an error.

use anyhow::{Context as _, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Its name changes with what is in it.
const FOLDER: &str = "sshd-1";
const PACKAGES: [&str; 3] = ["openssh-server", "libwrap0", "libnss-wrapper"];

/// Fetches what is missing.
///
/// # Errors
/// Where a folder cannot be written, or, with `ARGOSY_REQUIRE_ALL=1`, where it cannot be had.
pub fn run() -> anyhow::Result<()> {
    let folder = crate::kubeassets::cache()?.join(FOLDER);
    if let Err(why) = make(&folder)? {
        println!("SKIPPED: sshd: {why}");
        let required = std::env::var("ARGOSY_REQUIRE_ALL").is_ok_and(|value| value == "1");
        ensure!(
            !required,
            "there is no sshd and ARGOSY_REQUIRE_ALL=1 is set: {why}"
        );
        return Ok(());
    }
    println!("sshd: {}", folder.display());
    Ok(())
}

/// The inner error is a reason to skip.
fn make(folder: &Path) -> anyhow::Result<Result<(), String>> {
    for client in ["ssh", "ssh-keygen"] {
        if !is_on_path(client) {
            return Ok(Err(format!("`{client}` is not on PATH")));
        }
    }
    if folder.join("usr/sbin/sshd").is_file() {
        return Ok(Ok(()));
    }
    for program in ["apt-get", "dpkg-deb"] {
        if !is_on_path(program) {
            return Ok(Err(format!("`{program}` is not on PATH")));
        }
    }
    let work = folder.with_extension(format!("work-{}", std::process::id()));
    fs::create_dir_all(&work).with_context(|| format!("making {}", work.display()))?;
    let result = unpack(&work, folder);
    let _ = fs::remove_dir_all(&work); // a leftover only costs disk, and the result matters more
    result
}

fn unpack(work: &Path, folder: &Path) -> anyhow::Result<Result<(), String>> {
    let root = work.join("root");
    fs::create_dir_all(&root)?;
    let status = Command::new("apt-get")
        .arg("download")
        .args(PACKAGES)
        .current_dir(work)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if !status.success() {
        return Ok(Err(format!(
            "`apt-get download {}` fails; `apt-get update` may be missing",
            PACKAGES.join(" ")
        )));
    }
    let packages: Vec<PathBuf> = fs::read_dir(work)?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "deb"))
        .collect();
    for package in packages {
        let status = Command::new("dpkg-deb")
            .arg("-x")
            .arg(&package)
            .arg(&root)
            .status()?;
        ensure!(status.success(), "{} cannot be unpacked", package.display());
    }
    // Another run may have placed it meanwhile.
    if fs::rename(&root, folder).is_err() {
        ensure!(
            folder.join("usr/sbin/sshd").is_file(),
            "{} cannot be placed",
            folder.display()
        );
    }
    Ok(Ok(()))
}

fn is_on_path(name: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).is_file()))
}
