//! `argosy app create`.

use crate::commands::source_flags::SourceFlags;
use crate::session::{Session, parse_pair};
use argosy_cli::Failure;
use argosy_crds::Source;
use argosy_object::{Map, Object, Value, json};
use clap::Args;
use std::path::{Path, PathBuf};

/// Makes an application.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy app create guestbook --repo https://git.example.com/guestbook.git --path deploy --dest-name sim-1 --dest-namespace default
  argosy app create --file guestbook.yaml")]
pub struct CreateCommand {
    /// Its name, or NAMESPACE/NAME
    name: Option<String>,
    /// Read Applications from a file, `-` from standard input
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Its namespace
    #[arg(short = 'N', long, value_name = "NAME")]
    app_namespace: Option<String>,
    /// Project
    #[arg(long, default_value = "default")]
    project: String,
    /// Repository's URL
    #[arg(long, value_name = "URL")]
    repo: Option<String>,
    /// Path in the repository
    #[arg(long)]
    path: Option<String>,
    /// Branch, tag, commit or range of versions
    #[arg(long)]
    revision: Option<String>,
    /// Chart, where the repository is one of charts
    #[arg(long, value_name = "NAME")]
    helm_chart: Option<String>,
    /// API server of the destination
    #[arg(long, value_name = "URL", conflicts_with = "dest_name")]
    dest_server: Option<String>,
    /// Name of the destination
    #[arg(long, value_name = "NAME")]
    dest_name: Option<String>,
    /// Namespace of the destination
    #[arg(long, value_name = "NAME")]
    dest_namespace: Option<String>,
    /// none, or automated
    #[arg(long, value_parser = ["none", "manual", "auto", "automatic", "automated"])]
    sync_policy: Option<String>,
    /// Automated: delete what is gone from Git
    #[arg(long)]
    auto_prune: bool,
    /// Automated: put back what was changed by hand
    #[arg(long)]
    self_heal: bool,
    /// Automated: even where nothing is left
    #[arg(long)]
    allow_empty: bool,
    /// Sync option, such as CreateNamespace=true (repeatable)
    #[arg(long, value_name = "OPTION")]
    sync_option: Vec<String>,
    /// Retries of a failed sync
    #[arg(long, value_name = "N")]
    sync_retry_limit: Option<i64>,
    /// Label of the application (repeatable)
    #[arg(short = 'l', long, value_name = "KEY=VALUE", value_parser = parse_pair)]
    label: Vec<(String, String)>,
    /// Annotation of the application (repeatable)
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_pair)]
    annotations: Vec<(String, String)>,
    /// Delete its resources with it
    #[arg(long)]
    set_finalizer: bool,
    /// Entries of the history that are kept
    #[arg(long, value_name = "N")]
    revision_history_limit: Option<i64>,
    /// Change an application that is there with another spec
    #[arg(long)]
    upsert: bool,
    #[command(flatten)]
    source: SourceFlags,
}

impl CreateCommand {
    pub(super) fn run(self, session: &Session) -> Result<u8, Failure> {
        let apps = match &self.file {
            Some(file) => self.from_file(file)?,
            None => vec![self.from_flags()?],
        };
        session.block_on(async {
            let hub = session.connect()?.hub;
            for mut app in apps {
                let namespace = self.app_namespace.as_deref().or(app.namespace());
                let (namespace, name) = hub.place(app.name(), namespace);
                app.set_namespace(Some(&namespace));
                app.metadata_mut()
                    .insert("name".into(), name.as_str().into());
                let created = hub.create_app(&app, self.upsert).await?;
                session.print(&format!("application '{name}' {}\n", created.as_str()))?;
            }
            Ok(0)
        })
    }

    fn from_file(&self, file: &Path) -> Result<Vec<Object>, Failure> {
        let name = file.display().to_string();
        let bytes = if name == "-" {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut std::io::stdin(), &mut bytes).map(|_| bytes)
        } else {
            std::fs::read(file)
        };
        let bytes = bytes.map_err(|error| {
            Failure::from_error(&error).while_doing(format!("cannot read `{name}`"))
        })?;
        let limits = argosy_yaml::Limits::default();
        let objects = argosy_yaml::parse_stream(&name, &bytes, &limits)
            .map_err(|error| Failure::from_error(&error))?;
        let mut apps = Vec::new();
        for (object, _) in objects {
            if object.kind() != "Application" {
                return Err(Failure::new(format!(
                    "`{name}` holds {} `{}`, which is no Application",
                    object.kind(),
                    object.name()
                )));
            }
            apps.push(object);
        }
        if apps.is_empty() {
            return Err(Failure::new(format!("`{name}` holds no Application")));
        }
        Ok(apps)
    }

    fn from_flags(&self) -> Result<Object, Failure> {
        let needs = |flag: &str| {
            Failure::new(format!("`{flag}` is missing")).hint("`-f FILE` reads a whole Application")
        };
        let name = self.name.as_deref().ok_or_else(|| needs("NAME"))?;
        let repo = self.repo.as_deref().ok_or_else(|| needs("--repo"))?;
        let mut source = Map::new();
        source.insert("repoURL".into(), repo.into());
        text(&mut source, "path", self.path.as_deref());
        text(&mut source, "targetRevision", self.revision.as_deref());
        text(&mut source, "chart", self.helm_chart.as_deref());
        let mut options = Source::default();
        self.source.add_to(&mut options)?;
        let tools = [
            ("helm", options.helm.map(|helm| json!(helm))),
            (
                "kustomize",
                options.kustomize.map(|kustomize| json!(kustomize)),
            ),
            (
                "directory",
                options.directory.map(|directory| json!(directory)),
            ),
        ];
        source.extend(
            tools
                .into_iter()
                .filter_map(|(name, tool)| Some((name.to_owned(), tool?))),
        );
        let mut destination = Map::new();
        text(&mut destination, "server", self.dest_server.as_deref());
        text(&mut destination, "name", self.dest_name.as_deref());
        text(
            &mut destination,
            "namespace",
            self.dest_namespace.as_deref(),
        );
        let mut spec = Map::new();
        spec.insert("project".into(), self.project.as_str().into());
        spec.insert("source".into(), source.into());
        spec.insert("destination".into(), destination.into());
        section(&mut spec, "syncPolicy", self.policy());
        if let Some(limit) = self.revision_history_limit {
            spec.insert("revisionHistoryLimit".into(), limit.into());
        }
        let mut metadata = Map::new();
        metadata.insert("name".into(), name.into());
        section(&mut metadata, "labels", pairs(&self.label));
        section(&mut metadata, "annotations", pairs(&self.annotations));
        if self.set_finalizer {
            let finalizer = argosy_crds::names::RESOURCES_FINALIZER;
            metadata.insert("finalizers".into(), json!([finalizer]));
        }
        Ok(Object::from_trusted(json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": metadata,
            "spec": spec,
        })))
    }

    fn policy(&self) -> Map<String, Value> {
        let mut policy = Map::new();
        let wanted = self.sync_policy.as_deref().unwrap_or_default();
        if wanted.starts_with("auto") {
            let flags = [
                ("prune", self.auto_prune),
                ("selfHeal", self.self_heal),
                ("allowEmpty", self.allow_empty),
            ];
            let set = flags.into_iter().filter(|(_, set)| *set);
            let automated: Map<String, Value> = set
                .map(|(name, _)| (name.to_owned(), true.into()))
                .collect();
            policy.insert("automated".into(), automated.into());
        }
        if !self.sync_option.is_empty() {
            policy.insert("syncOptions".into(), json!(self.sync_option));
        }
        if let Some(limit) = self.sync_retry_limit {
            policy.insert("retry".into(), json!({"limit": limit}));
        }
        policy
    }
}

fn text(into: &mut Map<String, Value>, key: &str, value: Option<&str>) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        into.insert(key.into(), value.into());
    }
}

fn section(into: &mut Map<String, Value>, key: &str, part: Map<String, Value>) {
    if !part.is_empty() {
        into.insert(key.into(), part.into());
    }
}

fn pairs(pairs: &[(String, String)]) -> Map<String, Value> {
    let pairs = pairs.iter();
    pairs.map(|(k, v)| (k.clone(), v.as_str().into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Wrapper {
        #[command(flatten)]
        command: CreateCommand,
    }

    fn app(args: &[&str]) -> Result<Value, Failure> {
        let args = std::iter::once(&"create").chain(args);
        Wrapper::parse_from(args)
            .command
            .from_flags()
            .map(Object::into_value)
    }

    #[test]
    fn flags_make_the_spec_that_argocd_makes() {
        let made = app(&[
            "guestbook",
            "--repo",
            "https://h/r",
            "--path",
            "guestbook",
            "--revision",
            "main",
            "--dest-namespace",
            "default",
            "--dest-server",
            "https://kubernetes.default.svc",
            "--sync-policy",
            "automated",
            "--auto-prune",
            "--sync-option",
            "CreateNamespace=true",
            "-p",
            "a=1",
            "--helm-set-string",
            "b=2",
            "--label",
            "team=x",
            "--set-finalizer",
        ])
        .unwrap();
        assert_eq!(
            made["spec"],
            json!({
                "project": "default",
                "source": {
                    "repoURL": "https://h/r", "path": "guestbook", "targetRevision": "main",
                    "helm": {"parameters": [
                        {"name": "a", "value": "1"},
                        {"name": "b", "value": "2", "forceString": true},
                    ]},
                },
                "destination": {"server": "https://kubernetes.default.svc", "namespace": "default"},
                "syncPolicy": {"automated": {"prune": true}, "syncOptions": ["CreateNamespace=true"]},
            })
        );
        assert_eq!(made["metadata"]["labels"], json!({"team": "x"}));
    }

    #[test]
    fn a_missing_repository_is_named() {
        let failure = app(&["guestbook"]).unwrap_err();
        assert_eq!(failure.to_string(), "`--repo` is missing");
    }
}
