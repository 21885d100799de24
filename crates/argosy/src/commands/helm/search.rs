//! `argosy helm search repo`: charts of the repositories that helm knows.

use super::flags::{Context, read_file};
use super::repo::Output;
use super::repositories::{KnownRepositories, cached_index};
use super::table::table;
use super::{HelmFailure, Outcome};
use argosy_helm::{Index, IndexEntry, MAX_INDEX_BYTES, Regexp};
use argosy_object::{Value as Json, json};
use argosy_semver::{Constraint, Version};
use clap::{Args, Subcommand};
use std::cmp::{Ordering, Reverse};

/// Looks for charts, as `helm search` does.
#[derive(Subcommand)]
pub enum SearchCommand {
    /// In the repositories that were added
    Repo(RepoArgs),
}

/// What is looked for.
#[derive(Args)]
pub struct RepoArgs {
    /// Words that stand in the name, the description or the keywords
    words: Vec<String>,
    /// The words are an expression of Go's regexp
    #[arg(short = 'r', long)]
    regexp: bool,
    /// All versions, not only the newest
    #[arg(short = 'l', long)]
    versions: bool,
    /// Pre-releases count, too
    #[arg(long)]
    devel: bool,
    /// Version or range of versions
    #[arg(long, default_value = "", value_name = "RANGE")]
    version: String,
    /// Widest column
    #[arg(long, default_value_t = 50)]
    max_col_width: usize,
    /// Fail where nothing is found
    #[arg(long)]
    fail_on_no_result: bool,
    /// Format
    #[arg(short, long, default_value = "table")]
    output: Output,
}

struct Found {
    score: usize,
    name: String,
    entry: IndexEntry,
}

impl SearchCommand {
    pub(super) fn run(self, context: &Context<'_>) -> Outcome {
        let Self::Repo(args) = self;
        args.run(context)
    }
}

impl RepoArgs {
    fn run(self, context: &Context<'_>) -> Outcome {
        let range = match (self.version.as_str(), self.devel) {
            ("", true) => ">0.0.0-0",
            ("", false) => ">0.0.0",
            (range, _) => range,
        };
        let range = Constraint::parse(range)
            .map_err(|error| format!("an invalid version/constraint format: {error}"))?;
        let mut found = self.search(context)?;
        found.sort_by(order);
        let mut shown: Vec<&Found> = Vec::new();
        for one in &found {
            let is_known = shown.iter().any(|other| other.name == one.name);
            let suits = Version::parse(&one.entry.version).is_ok_and(|found| range.check(&found));
            if suits && (self.versions || !is_known) {
                shown.push(one);
            }
        }
        self.print(&shown, context)
    }

    fn search(&self, context: &Context<'_>) -> Result<Vec<Found>, HelmFailure> {
        let known = KnownRepositories::read(context)?;
        if known.entries().is_empty() {
            return Err("no repositories configured".into());
        }
        let words = self.words.join(" ");
        let term = match self.regexp {
            true => Term::Expression(Regexp::new(&words)?),
            false => Term::Words(words.to_lowercase()),
        };
        let mut found = Vec::new();
        for entry in known.entries() {
            let repository = entry["name"].as_str().unwrap_or_default();
            let index = match read_index(repository, context) {
                Ok(index) => index,
                Err(text) => {
                    context.warn_fields(
                        "repo is corrupt or missing",
                        &[("repo", repository), ("error", &text)],
                    );
                    continue;
                }
            };
            for (name, versions) in index.charts() {
                // A range may suit an old version only, so all of them are candidates.
                for version in versions {
                    let Some(score) = score(&term, repository, name, version) else {
                        continue;
                    };
                    found.push(Found {
                        score,
                        name: format!("{repository}/{name}"),
                        entry: version.clone(),
                    });
                }
            }
        }
        Ok(found)
    }

    fn print(&self, found: &[&Found], context: &Context<'_>) -> Outcome {
        if found.is_empty() && self.fail_on_no_result {
            return Err("no results found".into());
        }
        let items = found.iter().map(|one| {
            json!({
                "name": one.name, "version": one.entry.version,
                "app_version": one.entry.app_version, "description": one.entry.description,
            })
        });
        if self.output == Output::Json {
            // Compat: the fields in the order of Go's struct.
            let items = items.map(|item| {
                let fields = ["name", "version", "app_version", "description"]
                    .map(|name| format!("\"{name}\":{}", argosy_yaml::write_json_go(&item[name])));
                format!("{{{}}}", fields.join(","))
            });
            let items: Vec<String> = items.collect();
            return context.print(&format!("[{}]\n", items.join(",")));
        }
        if let Some(outcome) = self.output.print(&Json::Array(items.collect()), context) {
            return outcome;
        }
        if found.is_empty() {
            return context.print("No results found\n");
        }
        let header = ["NAME", "CHART VERSION", "APP VERSION", "DESCRIPTION"];
        let mut rows = vec![header.map(str::to_owned).to_vec()];
        rows.extend(found.iter().map(|one| {
            let entry = &one.entry;
            vec![
                one.name.clone(),
                entry.version.clone(),
                entry.app_version.clone(),
                entry.description.clone(),
            ]
        }));
        context.print(&table(&rows, self.max_col_width))
    }
}

fn read_index(repository: &str, context: &Context<'_>) -> Result<Index, String> {
    let file = cached_index(repository, context).ok_or("there is no folder of indexes")?;
    let data = read_file(&file, MAX_INDEX_BYTES)?;
    Index::parse_with_descriptions(&data).map_err(|error| error.to_string())
}

/// What is looked for.
enum Term {
    /// In small letters.
    Words(String),
    Expression(Regexp),
}

impl Term {
    fn is_in(&self, text: &str) -> bool {
        match self {
            Self::Words(words) => text.to_lowercase().contains(words),
            Self::Expression(expression) => expression.is_match(text.as_bytes()),
        }
    }
}

/// In which of name, full name, description and keywords the words stand first; nothing where
/// they stand in none.
fn score(term: &Term, repository: &str, name: &str, entry: &IndexEntry) -> Option<usize> {
    let full = format!("{repository}/{name}");
    let keywords = entry.keywords.join(" ");
    [name, &full, &entry.description, &keywords]
        .iter()
        .position(|text| term.is_in(text))
}

fn order(left: &Found, right: &Found) -> Ordering {
    let version = |found: &Found| Reverse(Version::parse(&found.entry.version).ok());
    left.score
        .cmp(&right.score)
        .then_with(|| left.name.cmp(&right.name))
        .then_with(|| version(left).cmp(&version(right)))
}
