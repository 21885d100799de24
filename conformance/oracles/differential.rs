//! Asks one of the Go programs beside this file for random cases with Go's answers, round after
//! round, and collects where ours differ. Tests include it by its path.
//!
//! `ARGOSY_FUZZ_CASES` says how many cases a round has, `ARGOSY_FUZZ_SEED` where to begin, and
//! `ARGOSY_FUZZ_MINUTES` for how long to go on; without it there is one round.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A Go program that is built.
#[allow(dead_code, reason = "each test asks in its own way")]
pub struct Oracle {
    binary: PathBuf,
    cases: String,
}

#[allow(dead_code, reason = "each test asks in its own way")]
impl Oracle {
    /// Builds the program in `conformance/oracles/NAME`; where there is no Go, it says so, and
    /// that is a failure under `ARGOSY_REQUIRE_ALL`.
    pub fn build(name: &str, default_cases: u32) -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../../conformance/oracles")
            .join(name);
        let binary = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-oracle"));
        let mut command = Command::new("go");
        let build = command.args(["build", "-o"]).arg(&binary).arg(".");
        match build.current_dir(folder).status() {
            Ok(status) if status.success() => Some(Self {
                binary,
                cases: setting("ARGOSY_FUZZ_CASES").unwrap_or_else(|| default_cases.to_string()),
            }),
            outcome => {
                assert!(
                    std::env::var_os("ARGOSY_REQUIRE_ALL").is_none(),
                    "no oracle `{name}`: {outcome:?}"
                );
                eprintln!("SKIPPED: comparison with Go's {name}, which is not here");
                None
            }
        }
    }

    /// What the program prints.
    pub fn ask(&self, args: &[&str]) -> String {
        let mut command = Command::new(&self.binary);
        let output = command.args(args).env("TZ", "UTC").output();
        let output = output.expect("the oracle runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("the oracle prints UTF-8")
    }

    /// How many cases a round has.
    pub fn cases(&self) -> usize {
        self.cases.parse().expect("a number of cases")
    }

    /// What the program answers to lines on its standard input.
    pub fn answer(&self, lines: String) -> String {
        let mut child = Command::new(&self.binary)
            .env("TZ", "UTC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the oracle starts");
        let mut stdin = child.stdin.take().expect("it is piped");
        let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
        let output = child.wait_with_output().expect("the oracle runs");
        let written = writer.join().expect("the writer ends");
        assert!(output.status.success() && written.is_ok());
        String::from_utf8(output.stdout).expect("the oracle prints UTF-8")
    }

    /// Runs rounds and fails where a line of one is answered otherwise: `differ` gives the
    /// difference in words.
    pub fn rounds(&self, mut differ: impl FnMut(&str) -> Option<String>) {
        self.seeded_rounds(|seed| {
            let lines = self.ask(&["-fuzz", &self.cases, "-seed", &seed.to_string()]);
            let differences = lines.lines().filter_map(&mut differ).collect();
            (lines.lines().count(), differences)
        });
    }

    /// Runs rounds that are made from a seed: each gives the number of its cases and what differs.
    pub fn seeded_rounds(&self, mut round: impl FnMut(u64) -> (usize, Vec<String>)) {
        const SHOWN: usize = 60;
        let number = |name: &str| setting(name).and_then(|text| text.parse::<u64>().ok());
        let minutes = number("ARGOSY_FUZZ_MINUTES").unwrap_or(0);
        let end = Instant::now() + Duration::from_secs(minutes * 60);
        let mut seed = number("ARGOSY_FUZZ_SEED").unwrap_or(1);
        let (mut count, mut open) = (0_u64, BTreeSet::new());
        loop {
            let (cases, differences) = round(seed);
            count += cases as u64;
            open.extend(differences);
            seed += 1;
            if Instant::now() >= end || open.len() > 10 * SHOWN {
                break;
            }
        }
        let shown: Vec<&str> = open.iter().take(SHOWN).map(String::as_str).collect();
        eprintln!("{count} cases, {} differ, next seed {seed}", open.len());
        assert!(
            open.is_empty(),
            "{} of {count} differ:\n{}",
            open.len(),
            shown.join("\n")
        );
    }
}

fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}
