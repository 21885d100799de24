//! The work behind the Makefile: `cargo xtask NAME`, one file a task.
#![allow(clippy::print_stdout)] // a task talks to whoever runs it

mod budget;
mod check;
mod kubeassets;
mod licences;
mod schema_table;
mod sshd;
mod web;
mod workspace;
mod zip;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("kubeassets") => kubeassets::run(),
        Some("sshd") => sshd::run(),
        Some("schema-table") => schema_table::run(),
        Some("web") => web::build(),
        Some("browser") => web::browser(),
        Some("check") => check::run(),
        Some("budget") => budget::run(&arguments.collect::<Vec<_>>()),
        other => anyhow::bail!(
            "no task `{}`; there are: kubeassets (a real kube-apiserver and tools for tests), \
             sshd (a real OpenSSH server for tests), \
             schema-table (derives crates/engine/schema/data/kinds.txt), web (builds the web page), \
             browser (makes sure of a browser for its tests), check (holds the code to \
             its floors and sizes), budget [--time] (counts and times the dependencies)",
            other.unwrap_or("")
        ),
    }
}
