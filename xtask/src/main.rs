//! The work behind the Makefile: `cargo xtask NAME`, one file a task.
#![allow(clippy::print_stdout)] // a task talks to whoever runs it

mod kubeassets;
mod zip;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("kubeassets") => kubeassets::run(),
        other => anyhow::bail!(
            "no task `{}`; there is: kubeassets (a real kube-apiserver and tools for tests)",
            other.unwrap_or("")
        ),
    }
}
