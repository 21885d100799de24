//! A disk that is soon full: a test's child in a mount namespace of its own, which needs no
//! privilege where user namespaces are allowed.

use crate::realapi::skipped;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the child finds its disk.
const DISK: &str = "ARGOSY_TEST_DISK";

/// Runs the ignored test `child` of this program with an empty disk of so many KiB; where that
/// cannot be had, says that `test` is skipped.
///
/// # Panics
/// Where the child fails.
pub fn with_small_disk(test: &str, child: &str, kib: u32) {
    let folder = tempfile::tempdir().expect("a folder");
    let mount = |and: &[&std::ffi::OsStr]| {
        let mut command = Command::new("unshare");
        command
            .args(["-rm", "sh", "-c"])
            .arg("mount -t tmpfs -o size=\"$2\"k disk \"$1\" && shift 2 && exec \"$@\"")
            .args(["sh".as_ref(), folder.path().as_os_str()])
            .arg(kib.to_string())
            .args(and);
        command
    };
    let can = mount(&["true".as_ref()]).output();
    if !can.is_ok_and(|output| output.status.success()) {
        skipped(test, "no user namespaces with mounts");
        return;
    }
    let program = std::env::current_exe().expect("a test is a program");
    let output = mount(&[
        program.as_os_str(),
        "--exact".as_ref(),
        child.as_ref(),
        "--ignored".as_ref(),
        "--nocapture".as_ref(),
    ])
    .env(DISK, folder.path())
    .output()
    .expect("it did start");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "`{child}`: {said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The disk of a child.
///
/// # Panics
/// Where this is none.
pub fn small_disk() -> PathBuf {
    std::env::var_os(DISK)
        .expect("started by another test")
        .into()
}

/// Makes room on the disk of a child.
///
/// # Panics
/// Where that is refused.
pub fn grow(disk: &Path, kib: u32) {
    let done = Command::new("mount")
        .args(["-o", &format!("remount,size={kib}k")])
        .arg(disk)
        .status();
    assert!(done.is_ok_and(|status| status.success()), "it grows");
}
