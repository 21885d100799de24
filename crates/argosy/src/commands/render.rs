//! `argosy render PATH`: a folder of this machine, rendered as an Application would render it.

use super::kustomize::remote::{Fetched, MAX_ROUNDS};
use crate::session::Session;
use argosy_cli::Failure;
use argosy_crds::{ApplicationSpec, Source};
use argosy_git::DiskTree;
use argosy_kustomize::to_yaml;
use argosy_object::Object;
use argosy_ports::{ChartRef, Sources as _};
use argosy_render::{Answers, Caches, ChartNeed, Need, Rendered, Request, Step, render};
use argosy_tree::Tree;
use clap::Args;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Renders a folder as an Application would, with the tool that it finds.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy render ./guestbook
  argosy render ./chart --name web --namespace prod
  argosy render ./overlay --app application.yaml

A kustomization is built, a chart is rendered, and of any other folder the manifests are read.
The repository that the folder is in is its world: bases and links may lead there, not further.")]
pub struct RenderCommand {
    /// The folder
    #[arg(default_value = ".")]
    path: PathBuf,
    /// An Application whose source's options are used
    #[arg(long, value_name = "FILE")]
    app: Option<PathBuf>,
    /// Name of the Application [default: that of --app, then the folder's]
    #[arg(long)]
    name: Option<String>,
    /// Destination namespace [default: that of --app, then `default`]
    #[arg(short, long)]
    namespace: Option<String>,
    /// Version of Kubernetes for charts
    #[arg(long, default_value = "", value_name = "VERSION")]
    kube_version: String,
    /// API version for charts (repeatable)
    #[arg(long, value_name = "VERSION", value_delimiter = ',')]
    api_versions: Vec<String>,
}

impl RenderCommand {
    /// Runs it.
    ///
    /// # Errors
    /// What does not render, and why.
    pub fn run(self, session: &Session) -> Result<u8, Failure> {
        let doing = format!("cannot render `{}`", self.path.display());
        let rendered = self
            .render(session)
            .map_err(|failure| failure.while_doing(&doing))?;
        session.tell(&format!("rendered as {}", rendered.tool.as_str()));
        for finding in &rendered.findings {
            session.tell(&format!("{}: {}", finding.reason, finding.message));
        }
        session.print(&to_yaml(
            rendered.objects.iter().map(|(object, _)| object.value()),
        ))?;
        Ok(0)
    }

    fn render(&self, session: &Session) -> Result<Rendered, Failure> {
        let folder = self
            .path
            .canonicalize()
            .map_err(|error| Failure::from_error(&error))?;
        let root = folder
            .ancestors()
            .find(|parent| parent.join(".git").exists())
            .unwrap_or(&folder);
        let below = folder.strip_prefix(root).unwrap_or(Path::new(""));
        let application = self.app.as_deref().map(read_application).transpose()?;
        let request = self.request(&folder, below, application)?;
        let tree = DiskTree::open(root).map_err(|error| Failure::from_error(&error))?;
        let (mut answers, caches) = (Answers::default(), Caches::default());
        let mut fetched = Fetched::default();
        for _ in 0..MAX_ROUNDS {
            let step =
                render(&request, &tree, &answers, &caches).map_err(|error| Failure::of(&error))?;
            let needs = match step {
                Step::Done(rendered) => return Ok(rendered),
                Step::Needs(needs) => needs,
            };
            for need in needs {
                match need {
                    Need::Remote(need) => fetched.fetch(session, &[need])?,
                    Need::Chart(need) => {
                        let chart = fetch(session, &need)?;
                        answers.charts.insert(need, chart);
                    }
                    Need::Reference(_) => {
                        return Err(Failure::new(
                            "the source refers to another source (`$NAME/…`), and there is only \
                             one folder here",
                        ));
                    }
                }
            }
            answers.remote_trees.clone_from(&fetched.trees);
            answers.remote_files.clone_from(&fetched.files);
        }
        Err(Failure::new(format!(
            "rendering asked for more than {MAX_ROUNDS} times"
        )))
    }

    fn request(
        &self,
        folder: &Path,
        below: &Path,
        application: Option<Object>,
    ) -> Result<Request, Failure> {
        let spec = match &application {
            Some(object) => {
                ApplicationSpec::of(object).map_err(|error| Failure::from_error(&error))?
            }
            None => ApplicationSpec::default(),
        };
        let named = |source: &&Source| source.reference.is_empty() || !source.path.is_empty();
        let mut source = spec
            .all_sources()
            .iter()
            .find(named)
            .cloned()
            .unwrap_or_default();
        source.path = below.to_string_lossy().into_owned();
        if source.path.is_empty() {
            ".".clone_into(&mut source.path);
        }
        source.chart.clear();
        let own_name = application.as_ref().map(|object| object.name().to_owned());
        let folder_name = folder
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let name = self.name.clone().or(own_name).or(folder_name);
        let namespace = Some(spec.destination.namespace.clone()).filter(|name| !name.is_empty());
        Ok(Request {
            revision: source.target_revision.clone(),
            source,
            app_name: name.unwrap_or_else(|| "app".to_owned()),
            namespace: self
                .namespace
                .clone()
                .or(namespace)
                .unwrap_or_else(|| "default".to_owned()),
            project: spec.project_name().to_owned(),
            kube_version: self.kube_version.clone(),
            api_versions: self.api_versions.clone().into(),
            ..Request::default()
        })
    }
}

/// A chart that the folder's chart depends on, from a repository that needs no credential.
fn fetch(session: &Session, need: &ChartNeed) -> Result<Arc<dyn Tree>, Failure> {
    let sources = session.sources_without_credentials()?;
    let chart = ChartRef {
        repo: sources.repo(&need.repository, ""),
        name: need.name.clone(),
        version: need.version.clone(),
        pass_credentials: false,
    };
    session.block_on(async {
        let (_, tree) = sources
            .chart(&chart)
            .await
            .map_err(|error| Failure::of(&error))?;
        Ok(tree)
    })
}

/// The first Application of a file.
fn read_application(file: &Path) -> Result<Object, Failure> {
    let doing = || format!("cannot read `{}`", file.display());
    let bytes =
        std::fs::read(file).map_err(|error| Failure::from_error(&error).while_doing(doing()))?;
    let name = file.display().to_string();
    argosy_yaml::parse_stream(&name, &bytes, &argosy_yaml::Limits::default())
        .map_err(|error| Failure::from_error(&error).while_doing(doing()))?
        .into_iter()
        .map(|(object, _)| object)
        .find(|object| object.kind() == "Application")
        .ok_or_else(|| Failure::new("there is no Application in it").while_doing(doing()))
}
