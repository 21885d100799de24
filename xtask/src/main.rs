//! The work behind the Makefile: `cargo xtask NAME`, one file a task.
#![allow(clippy::print_stdout)] // a task talks to whoever runs it

mod schema_table;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("schema-table") => schema_table::run(),
        other => anyhow::bail!(
            "no task `{}`; there is: schema-table (derives crates/engine/schema/data/kinds.txt)",
            other.unwrap_or("")
        ),
    }
}
