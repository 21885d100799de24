//! What `make bench` runs beside `argosy bench fleet`: Argosy's rendering in pairs with helm and
//! kustomize, and a fleet on a real kube-apiserver. Ratios of one run are what counts; seconds
//! are this machine's.
#![allow(clippy::print_stdout)] // a bench talks to whoever runs it

mod charts;
mod disk;
mod golang;
mod overlays;
mod platform;
mod process;
mod real;
mod report;
mod samples;
mod tally;
mod warm;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// As the product has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[derive(Parser)]
#[command(about = "Argosy side by side with helm, kustomize and a real kube-apiserver")]
struct Options {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Subcommand)]
enum Bench {
    /// helm and Argosy on the same charts: processes, in the process, a thousand releases
    Helm {
        /// Folder whose folders are charts, each with its ci/*-values.yaml, instead of our samples
        #[arg(long, value_name = "DIR")]
        charts: Option<PathBuf>,
        #[command(flatten)]
        common: Common,
    },
    /// kustomize and Argosy on the same trees: processes, in the process, a thousand overlays
    Kustomize {
        /// Folder of trees, each with a `.runs` file that names its kustomizations, or a
        /// kustomization itself, instead of our samples
        #[arg(long, value_name = "DIR")]
        trees: Option<PathBuf>,
        #[command(flatten)]
        common: Common,
    },
    /// `argosy bench fleet` on a real kube-apiserver, which is started and ended
    Fleet {
        /// Argosy's program
        #[arg(long, value_name = "FILE", default_value = "target/release/argosy")]
        argosy: PathBuf,
        /// Passed on
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

#[derive(clap::Args)]
struct Common {
    /// Argosy's program
    #[arg(long, value_name = "FILE", default_value = "target/release/argosy")]
    argosy: PathBuf,
    /// How often each process runs, unless it takes long; the fastest counts
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,
}

fn main() -> ExitCode {
    let outcome = match Options::parse().bench {
        Bench::Helm { charts, common } => charts::run(charts.as_deref(), &common),
        Bench::Kustomize { trees, common } => overlays::run(trees.as_deref(), &common),
        Bench::Fleet { argosy, arguments } => real::run(&argosy, &arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
