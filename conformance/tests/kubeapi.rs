//! Runs the checks on both servers and compares what they say.
//!
//! `cargo test -p argosy-conformance --test kubeapi -- [PART ..] [--show]` runs the checks whose
//! names contain one of the parts; `--show` prints what the real server says.
#![allow(clippy::print_stdout)] // a test that prints its own summary

use argosy_conformance::ledger;
use argosy_conformance::report::difference;
use argosy_conformance::run::{Transcript, run};
use argosy_conformance::script::{Check, parse};
use argosy_conformance::servers::Server;
use argosy_testkit::realapi;
use futures_util::StreamExt as _;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

/// Checks under way at once; each runs on both servers at the same time.
const WIDTH: usize = 4;

/// What the command line asks for.
struct Wanted {
    parts: Vec<String>,
    show: bool,
}

/// How a check ended.
struct Ended {
    check: Check,
    outcome: Result<(Transcript, Transcript), String>,
}

#[derive(Default)]
struct Count {
    checks: usize,
    equal: usize,
    known: usize,
}

fn main() -> ExitCode {
    match start() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> anyhow::Result<bool> {
    let mut wanted = Wanted {
        parts: Vec::new(),
        show: false,
    };
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--show" => wanted.show = true,
            "--list" => return Ok(true), // asked by tools that list tests: there are none to name
            flag if flag.starts_with('-') => {}
            part => wanted.parts.push(part.to_owned()),
        }
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let checks = read_checks(&folder.join("checks"))?;
    let ledger = ledger::parse(&std::fs::read_to_string(folder.join("ledger.txt"))?)
        .map_err(anyhow::Error::msg)?;
    for name in ledger.keys() {
        anyhow::ensure!(
            checks.iter().any(|check| check.name == *name),
            "the ledger names `{name}`, which is no check"
        );
    }
    if realapi::assets_or_skip("kubeapi").is_none() {
        return Ok(true);
    }
    let chosen: Vec<Check> = checks
        .into_iter()
        .filter(|check| {
            wanted.parts.is_empty() || wanted.parts.iter().any(|part| check.name.contains(part))
        })
        .collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let ended = runtime.block_on(run_all(chosen))?;
    Ok(tell(&ended, &ledger, wanted.show))
}

fn read_checks(folder: &Path) -> anyhow::Result<Vec<Check>> {
    let mut files: Vec<_> = std::fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.sort();
    let mut checks = Vec::new();
    for file in files {
        let area = file.file_stem().unwrap_or_default().to_string_lossy();
        let text = std::fs::read_to_string(&file)?;
        checks.extend(parse(&area, &text).map_err(anyhow::Error::msg)?);
    }
    Ok(checks)
}

async fn run_all(checks: Vec<Check>) -> anyhow::Result<Vec<Ended>> {
    let (embedded, real) = tokio::try_join!(Server::embedded(), Server::real())?;
    let servers = Arc::new((embedded, real));
    let mut ended: Vec<Ended> = futures_util::stream::iter(checks)
        .map(|check| {
            let servers = servers.clone();
            async move {
                let mut outcome = on_both(&check, &servers).await;
                // Two servers do the same in their own time: what differs once and not again was
                // a race. It runs once more, in a namespace of its own.
                if is_different(&outcome) {
                    println!("once more: {}", check.name);
                    outcome = on_both(&check.again(), &servers).await;
                }
                Ended { check, outcome }
            }
        })
        .buffer_unordered(WIDTH)
        .collect()
        .await;
    ended.sort_by(|a, b| a.check.name.cmp(&b.check.name));
    Ok(ended)
}

type Outcome = Result<(Transcript, Transcript), String>;

async fn on_both(check: &Check, servers: &(Server, Server)) -> Outcome {
    let both = tokio::try_join!(run(check, &servers.0), run(check, &servers.1));
    both.map_err(|error| format!("{error:#}"))
}

fn is_different(outcome: &Outcome) -> bool {
    match outcome {
        Ok((embedded, real)) => difference(embedded, real).is_some(),
        Err(_) => true,
    }
}

/// Prints differences and the summary; whether all is as it must be.
fn tell(ended: &[Ended], ledger: &BTreeMap<String, String>, show: bool) -> bool {
    let mut areas: BTreeMap<&str, Count> = BTreeMap::new();
    let mut good = true;
    for Ended { check, outcome } in ended {
        let count = areas.entry(check.area()).or_default();
        count.checks += 1;
        let found = match outcome {
            Ok((embedded, real)) => {
                if show {
                    print_transcript(check, real);
                }
                difference(embedded, real)
            }
            Err(error) => Some(format!("  {error}\n")),
        };
        match (found, ledger.get(&check.name)) {
            (None, None) => count.equal += 1,
            (Some(_), Some(_)) => count.known += 1,
            (Some(text), None) => {
                good = false;
                println!("DIFFERENT {}\n{text}", check.name);
            }
            (None, Some(_)) => {
                good = false;
                println!("EQUAL {}: take it out of the ledger\n", check.name);
            }
        }
    }
    for (area, count) in &areas {
        println!(
            "{area}: {} checks, {} equal, {} in the ledger",
            count.checks, count.equal, count.known
        );
    }
    let total = |of: fn(&Count) -> usize| areas.values().map(of).sum::<usize>();
    println!(
        "all: {} checks, {} equal, {} in the ledger",
        total(|count| count.checks),
        total(|count| count.equal),
        total(|count| count.known)
    );
    good
}

fn print_transcript(check: &Check, transcript: &Transcript) {
    println!("--- {}", check.name);
    for said in &transcript.steps {
        println!(
            "$ {}\n{}{}[{}]",
            said.line, said.stdout, said.stderr, said.code
        );
    }
}
