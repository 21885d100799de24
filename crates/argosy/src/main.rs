//! The `argosy` program: reads its arguments, runs one command, and ends with its code.

use argosy::cli::Cli;
use argosy::commands::helm;
use argosy::session::Session;
use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};
use std::collections::BTreeMap;
use std::process::ExitCode;

/// Measured on 600 applications cold, against glibc's: 15% less CPU time in the same memory.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    // The only place that reads the environment and the arguments.
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let arguments = std::env::args_os().collect();
    let arguments = match helm::plain_arguments(arguments, &Cli::command()) {
        Ok(arguments) => arguments,
        Err(text) => {
            let text = format!("Error: {text}\n");
            let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
            return ExitCode::FAILURE;
        }
    };
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let is_helm = std::env::args_os()
                .nth(1)
                .is_some_and(|word| word == "helm");
            if let Some((text, code)) = helm::usage_error(&error).filter(|_| is_helm) {
                let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
                return ExitCode::from(code);
            }
            let is_asked_for = matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            );
            // Where nobody reads any more, there is nothing to say.
            let _ = error.print();
            return ExitCode::from(if is_asked_for {
                0
            } else {
                argosy::cli::usage_code(std::env::args().nth(1).as_deref())
            });
        }
    };
    let terminal = argosy_cli::Terminal::detect(
        cli.global.no_color || environment.get("NO_COLOR").is_some_and(|v| !v.is_empty()),
    );
    let ended = Session::new(&cli.global, environment, terminal)
        .and_then(|session| cli.command.run(&session));
    match ended {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            let _ = std::io::Write::write_all(
                &mut std::io::stderr(),
                failure.render(&terminal).as_bytes(),
            );
            ExitCode::from(failure.exit_code())
        }
    }
}
