//! Booleans on a command line as helm's parser takes them: `--include-crds=false`.

use clap::{ArgAction, Command};
use std::collections::BTreeSet;
use std::ffi::OsString;

/// The arguments with the flag alone where it is true, and without it where it is false; those of
/// other commands than `helm` as they are.
///
/// # Errors
/// A value that is no boolean, in helm's words.
pub fn plain(arguments: Vec<OsString>, program: &Command) -> Result<Vec<OsString>, String> {
    let Some(helm) = program
        .find_subcommand("helm")
        .filter(|_| arguments.get(1).is_some_and(|word| word == "helm"))
        .filter(|_| arguments.iter().any(|word| has_value(word)))
    else {
        return Ok(arguments);
    };
    // What commands take is described when it is asked for.
    let mut helm = helm.clone();
    helm.build();
    let switches = switches(&helm, &arguments[2..]);
    let mut plain = Vec::with_capacity(arguments.len());
    let mut is_end = false;
    for argument in arguments {
        is_end |= argument == "--";
        let found = argument
            .to_str()
            .filter(|_| !is_end)
            .and_then(|text| text.strip_prefix("--")?.split_once('='))
            .filter(|(name, _)| switches.contains(*name));
        let Some((name, value)) = found else {
            plain.push(argument);
            continue;
        };
        match value {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => plain.push(format!("--{name}").into()),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => {}
            other => {
                return Err(format!(
                    "invalid argument {other:?} for \"--{name}\" flag: strconv.ParseBool: parsing \
                     {other:?}: invalid syntax"
                ));
            }
        }
    }
    Ok(plain)
}

fn has_value(word: &OsString) -> bool {
    word.to_str()
        .is_some_and(|text| text.starts_with("--") && text.contains('='))
}

/// The flags that take no value, of the command that the words name and of those above it.
fn switches(helm: &Command, words: &[OsString]) -> BTreeSet<String> {
    let mut switches = BTreeSet::new();
    let mut command = helm;
    let mut words = words.iter().filter_map(|word| word.to_str());
    loop {
        for flag in command.get_arguments() {
            if !matches!(flag.get_action(), ArgAction::SetTrue) {
                continue;
            }
            let names = flag.get_long().into_iter();
            let names = names.chain(flag.get_all_aliases().into_iter().flatten());
            switches.extend(names.map(str::to_owned));
        }
        let Some(next) = words.find_map(|word| command.find_subcommand(word)) else {
            return switches;
        };
        command = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn read(line: &str) -> Result<String, String> {
        let arguments = line.split(' ').map(OsString::from).collect();
        let plain = plain(arguments, &crate::cli::Cli::command())?;
        let plain: Vec<String> = plain
            .iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        Ok(plain.join(" "))
    }

    #[test]
    fn booleans_are_taken_with_a_value() {
        for (given, wanted) in [
            (
                "argosy helm template a b --include-crds=true --skip-tests=false",
                "argosy helm template a b --include-crds",
            ),
            (
                "argosy helm -n x show values c --devel=1 --debug=F",
                "argosy helm -n x show values c --devel",
            ),
            (
                "argosy helm template a --set=x=true -- --include-crds=true",
                "argosy helm template a --set=x=true -- --include-crds=true",
            ),
            (
                "argosy app list --refresh=true",
                "argosy app list --refresh=true",
            ),
        ] {
            assert_eq!(read(given).as_deref(), Ok(wanted));
        }
        assert_eq!(
            read("argosy helm lint c --strict=maybe"),
            Err(
                "invalid argument \"maybe\" for \"--strict\" flag: strconv.ParseBool: parsing \
                 \"maybe\": invalid syntax"
                    .to_owned()
            )
        );
    }
}
