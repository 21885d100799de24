//! The work behind the Makefile: `cargo xtask NAME`, one file a task.
#![allow(clippy::print_stdout)] // a task talks to whoever runs it

mod kubeassets;
mod schema_table;
mod zip;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("kubeassets") => kubeassets::run(),
        Some("schema-table") => schema_table::run(),
        other => anyhow::bail!(
            "no task `{}`; there are: kubeassets (a real kube-apiserver and tools for tests), \
             schema-table (derives crates/engine/schema/data/kinds.txt)",
            other.unwrap_or("")
        ),
    }
}
