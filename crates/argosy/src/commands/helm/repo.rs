//! `argosy helm repo`: the chart repositories that helm knows, and indexes of one's own.

use super::access::AccessFlags;
use super::flags::Context;
use super::repositories::{KnownRepositories, Repository, cached_index};
use super::table::table;
use super::{HelmFailure, Outcome, index};
use argosy_object::{Value as Json, json};
use clap::{Args, Subcommand, ValueEnum};
use std::io::Read as _;
use std::path::PathBuf;

/// Longest password from standard input.
const MAX_PASSWORD: u64 = 64 << 10;

/// Adds, lists, updates, removes and indexes chart repositories, as `helm repo` does.
#[derive(Subcommand)]
pub enum RepoCommand {
    /// Adds a chart repository
    Add(Box<AddArgs>),
    /// Lists chart repositories
    #[command(visible_alias = "ls")]
    List(ListArgs),
    /// Fetches the newest indexes
    #[command(visible_alias = "up")]
    Update(UpdateArgs),
    /// Removes chart repositories
    #[command(visible_alias = "rm")]
    Remove(RemoveArgs),
    /// Writes index.yaml for a folder of packed charts
    Index(index::IndexArgs),
}

/// Which repository, and how it is read.
#[derive(Args)]
pub struct AddArgs {
    /// Name for it
    name: String,
    /// URL of the folder of its index.yaml
    url: String,
    #[command(flatten)]
    access: AccessFlags,
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
    /// Replace one of that name
    #[arg(long)]
    force_update: bool,
    /// Taken for compatibility: no repository is refused for being old.
    #[arg(long, hide = true)]
    allow_deprecated_repos: bool,
    /// Taken for compatibility: every step has its own time.
    #[arg(long, hide = true)]
    timeout: Option<String>,
}

/// How they are printed.
#[derive(Args)]
pub struct ListArgs {
    /// Format
    #[arg(short, long, default_value = "table")]
    output: Output,
    /// No line of headers
    #[arg(long)]
    no_headers: bool,
}

/// Which repositories.
#[derive(Args)]
pub struct UpdateArgs {
    /// Names [default: all]
    names: Vec<String>,
    /// Taken for compatibility: every step has its own time.
    #[arg(long, hide = true)]
    timeout: Option<String>,
}

/// Which repositories.
#[derive(Args)]
pub struct RemoveArgs {
    /// Names
    #[arg(required = true)]
    names: Vec<String>,
}

/// How lists are printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    Table,
    Json,
    Yaml,
}

impl Output {
    /// A list of objects; nothing for a table.
    pub fn print(self, items: &Json, context: &Context<'_>) -> Option<Outcome> {
        match self {
            Self::Table => None,
            Self::Json => Some(context.print(&format!("{}\n", argosy_yaml::write_json_go(items)))),
            Self::Yaml => Some(context.print(&argosy_yaml::to_string(items))),
        }
    }
}

impl RepoCommand {
    pub(super) fn run(self, context: &Context<'_>) -> Outcome {
        match self {
            Self::Add(args) => args.run(context),
            Self::List(args) => args.run(context),
            Self::Update(args) => args.run(context),
            Self::Remove(args) => args.run(context),
            Self::Index(args) => args.run(context),
        }
    }
}

impl AddArgs {
    fn run(mut self, context: &Context<'_>) -> Outcome {
        let name = self.name.as_str();
        let _lock = KnownRepositories::lock(context)?;
        let mut known = KnownRepositories::read(context)?;
        self.access.password = password(
            self.access.username.as_deref(),
            self.access.password.take(),
            self.password_stdin,
        )?;
        if name.contains('/') {
            return Err(format!(
                "repository name ({name}) contains '/', please specify a different name without \
                 '/'"
            )
            .into());
        }
        let entry = self.entry();
        if let Some(old) = known.get(name).filter(|_| !self.force_update) {
            if *old != entry {
                return Err(format!(
                    "repository name ({name}) already exists, please specify a different name"
                )
                .into());
            }
            return context.print(&format!(
                "{name:?} already exists with the same configuration, skipping\n"
            ));
        }
        let mut repository = Repository::of(&entry, context)?;
        repository.update(context).map_err(|HelmFailure(text)| {
            format!(
                "looks like {:?} is not a valid chart repository or cannot be reached: {text}",
                self.url
            )
        })?;
        known.set(entry);
        known.write()?;
        context.print(&format!("{name:?} has been added to your repositories\n"))
    }

    fn entry(&self) -> Json {
        let path = |file: &Option<PathBuf>| {
            let file = file.as_deref().unwrap_or(std::path::Path::new(""));
            file.to_string_lossy().into_owned()
        };
        let access = &self.access;
        json!({
            "name": self.name,
            "url": self.url,
            "username": access.username.as_deref().unwrap_or_default(),
            "password": access.password.as_deref().unwrap_or_default(),
            "certFile": path(&access.cert_file),
            "keyFile": path(&access.key_file),
            "caFile": path(&access.ca_file),
            "insecure_skip_tls_verify": access.insecure_skip_tls_verify,
            "pass_credentials_all": access.pass_credentials,
        })
    }
}

/// The password that goes with a name: given, or from standard input.
pub(super) fn password(
    name: Option<&str>,
    given: Option<String>,
    from_stdin: bool,
) -> Result<Option<String>, HelmFailure> {
    if from_stdin {
        let mut text = String::new();
        std::io::stdin()
            .lock()
            .take(MAX_PASSWORD)
            .read_to_string(&mut text)?;
        let text = text.strip_suffix('\n').unwrap_or(&text);
        return Ok(Some(text.strip_suffix('\r').unwrap_or(text).to_owned()));
    }
    let is_given = given
        .as_deref()
        .is_some_and(|password| !password.is_empty());
    if name.is_some_and(|name| !name.is_empty()) && !is_given {
        return Err("password required: give it by --password-stdin".into());
    }
    Ok(given)
}

impl ListArgs {
    fn run(self, context: &Context<'_>) -> Outcome {
        // Compat: a file that cannot be read names none.
        let known = KnownRepositories::read(context).ok();
        let entries = known.as_ref().map_or(&[][..], KnownRepositories::entries);
        if entries.is_empty() && self.output == Output::Table {
            context.note("no repositories to show");
            return Ok(());
        }
        let text = |entry: &Json, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        let items: Vec<Json> = entries
            .iter()
            .map(|entry| json!({"name": text(entry, "name"), "url": text(entry, "url")}))
            .collect();
        if let Some(outcome) = self.output.print(&Json::Array(items), context) {
            return outcome;
        }
        let mut rows = Vec::new();
        if !self.no_headers {
            rows.push(vec!["NAME".to_owned(), "URL".to_owned()]);
        }
        rows.extend(
            entries
                .iter()
                .map(|entry| vec![text(entry, "name"), text(entry, "url")]),
        );
        context.print(&table(&rows, 0))
    }
}

impl UpdateArgs {
    fn run(self, context: &Context<'_>) -> Outcome {
        let known = KnownRepositories::read(context)?;
        if known.entries().is_empty() {
            return Err("no repositories found. You must add one before updating".into());
        }
        if let Some(name) = self.names.iter().find(|name| known.get(name).is_none()) {
            return Err(format!(
                "no repositories found matching '{name}'.  Nothing will be updated"
            )
            .into());
        }
        context.print("Hang tight while we grab the latest from your chart repositories...\n")?;
        let mut failed = Vec::new();
        for entry in known.entries() {
            let name = entry["name"].as_str().unwrap_or_default();
            if !self.names.is_empty() && !self.names.iter().any(|wanted| wanted == name) {
                continue;
            }
            let mut repository = Repository::of(entry, context)?;
            match repository.update(context) {
                Ok(()) => context.print(&format!(
                    "...Successfully got an update from the {name:?} chart repository\n"
                ))?,
                Err(HelmFailure(text)) => {
                    let url = repository.url();
                    context.print(&format!(
                        "...Unable to get an update from the {name:?} chart repository \
                         ({url}):\n\t{text}\n"
                    ))?;
                    failed.push(url.to_owned());
                }
            }
        }
        if !failed.is_empty() {
            let failed = failed.join(" ");
            return Err(format!("failed to update the following repositories: [{failed}]").into());
        }
        context.print("Update Complete. ⎈Happy Helming!⎈\n")
    }
}

impl RemoveArgs {
    fn run(self, context: &Context<'_>) -> Outcome {
        let _lock = KnownRepositories::lock(context)?;
        let mut known = KnownRepositories::read(context)?;
        if known.entries().is_empty() {
            return Err("no repositories configured".into());
        }
        for name in &self.names {
            if !known.remove(name) {
                return Err(format!("no repo named {name:?} found").into());
            }
            known.write()?;
            if let Some(file) = cached_index(name, context) {
                for file in [file.with_file_name(format!("{name}-charts.txt")), file] {
                    if file.exists() {
                        std::fs::remove_file(&file)?;
                    }
                }
            }
            context.print(&format!(
                "{name:?} has been removed from your repositories\n"
            ))?;
        }
        Ok(())
    }
}
