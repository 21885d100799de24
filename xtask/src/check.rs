//! `cargo xtask check`: holds the workspace to its own rules, which otherwise are only words.
//!
//! [`floors`] holds the arrows between crates, [`files`] the heads and sizes of files and
//! functions, and [`licences`] what
//! others let us use. All of them run as tests, too.

mod files;
mod floors;
mod functions;

use crate::{licences, workspace};
use anyhow::ensure;

/// Judges all crates and all Rust files, and prints their sizes.
///
/// # Errors
/// Where a rule is broken; every place is printed.
pub fn run() -> anyhow::Result<()> {
    let members = workspace::members()?;
    let files = files::read(&workspace::root())?;
    let mut faults = floors::faults(&members);
    faults.extend(files::faults(&files));
    faults.extend(licences::faults()?);
    println!("{}", files::report(&files));
    for fault in &faults {
        println!("{fault}");
    }
    ensure!(faults.is_empty(), "{} rules are broken", faults.len());
    println!(
        "check: {} crates and {} files keep the rules",
        members.len(),
        files.len()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crate_uses_only_what_its_floor_allows() {
        let faults = floors::faults(&workspace::members().unwrap());
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    #[test]
    fn every_file_says_why_it_exists_and_keeps_its_size() {
        let files = files::read(&workspace::root()).unwrap();
        let faults = files::faults(&files);
        assert!(
            faults.is_empty(),
            "{}\n{}",
            faults.join("\n"),
            files::report(&files)
        );
    }
}
