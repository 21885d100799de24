//! `argosy render PATH`: a folder of this machine, rendered as an Application or a Kustomization
//! of Flux would render it.

mod application;
mod definition;
mod flux;

use super::kustomize::remote::{Fetched, MAX_ROUNDS};
use super::source_flags::SourceFlags;
use crate::session::Session;
use argosy_cli::Failure;
use argosy_git::DiskTree;
use argosy_kustomize::to_yaml;
use argosy_object::Str;
use argosy_ports::{ChartRef, Sources as _};
use argosy_render::{Answers, ChartNeed, Need, Remote, RenderError, Rendered, Step};
use argosy_tree::Tree;
use clap::Args;
use definition::{Definition, Place};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Renders a folder as an Application or a Kustomization of Flux would, with the tool it finds.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy render ./guestbook
  argosy render ./chart --name web --namespace prod --helm-set replicas=3
  argosy render ./overlay --app application.yaml
  argosy render clusters/prod/apps.yaml --substitute-from vars.yaml
  kubectl get application web -n argocd -o yaml | argosy render . --app -

A kustomization is built, a chart is rendered, and of any other folder the manifests are read.
The repository that the folder is in is its world: bases and links may lead there, not further.
PATH may also be a file with an Application or a Kustomization of Flux: then the folder is the one
that it names.")]
pub struct RenderCommand {
    /// The folder [default: the one that --app or --flux names in its repository, else `.`]
    path: Option<PathBuf>,
    /// An Application whose source's options are used, `-` from standard input
    #[arg(long, value_name = "FILE")]
    app: Option<PathBuf>,
    /// A Kustomization of Flux that is rendered as Flux would, `-` from standard input
    #[arg(long, value_name = "FILE", conflicts_with = "app")]
    flux: Option<PathBuf>,
    /// Name of the Application [default: that of --app, then the folder's]; of several in a file,
    /// the one that is rendered
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
    /// Folder that stands for the source whose `ref` is NAME (repeatable)
    #[arg(long = "ref", value_name = "NAME=FOLDER", value_parser = crate::session::parse_pair)]
    references: Vec<(String, String)>,
    /// Flags of `kustomize build`, as `kustomize.buildOptions` of argocd-cm has them
    #[arg(
        long,
        default_value = "",
        value_name = "FLAGS",
        allow_hyphen_values = true
    )]
    kustomize_build_options: String,
    #[command(flatten)]
    source: SourceFlags,
    #[command(flatten)]
    variables: flux::FluxFlags,
}

impl RenderCommand {
    /// Runs it.
    ///
    /// # Errors
    /// What does not render, and why.
    pub fn run(self, session: &Session) -> Result<u8, Failure> {
        let shown = self.path.as_ref().or(self.app.as_ref());
        let shown = shown.or(self.flux.as_ref()).cloned();
        let shown = shown.unwrap_or_else(|| PathBuf::from("."));
        let doing = format!("cannot render `{}`", shown.display());
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
        let definition = self.definition()?;
        match definition {
            Definition::Flux(kustomization) => self.as_flux(session, &kustomization),
            Definition::Argo(applications) => self.as_application(session, applications),
        }
    }

    /// What says how it is rendered: a file, or nothing but flags.
    fn definition(&self) -> Result<Definition, Failure> {
        let name = self.name.as_deref();
        let path = self.path.as_deref().filter(|path| path.is_file());
        match (&self.app, &self.flux, path) {
            (None, None, Some(file)) => Definition::read(file, name),
            (_, _, Some(file)) => Err(Failure::new(format!(
                "`{}` is a file, and beside `--app` or `--flux` a folder is expected",
                file.display()
            ))),
            (Some(file), None, None) => Definition::application(file, name),
            (_, Some(file), None) => Definition::flux(file, name),
            (None, None, None) => Ok(Definition::Argo(Vec::new())),
        }
    }

    /// The repository and the folder in it: the one that is named on the command line, else the
    /// one that the definition names in the repository that it stands in.
    fn place(&self, named: &str) -> Result<Place, Failure> {
        let own = self.path.as_deref();
        match own.filter(|path| !path.is_file()) {
            Some(folder) => Place::of_folder(folder),
            None => {
                let file = own.or(self.app.as_deref()).or(self.flux.as_deref());
                Place::named(file, named)
            }
        }
    }
}

/// Renders, fetching what is asked for, until nothing is.
fn answered(
    session: &Session,
    references: &BTreeMap<Str, PathBuf>,
    step: impl Fn(&Answers) -> Result<Step, RenderError>,
) -> Result<Rendered, Failure> {
    let mut answers = Answers::default();
    let mut fetched = Fetched::default();
    for _ in 0..MAX_ROUNDS {
        let needs = match step(&answers).map_err(|error| Failure::of(&error))? {
            Step::Done(rendered) => return Ok(rendered),
            Step::Needs(needs) => needs,
        };
        for need in needs {
            match need {
                Need::Remote(Remote::Chart(chart)) => {
                    let need = ChartNeed::from(&chart);
                    let chart = fetch(session, &need)?;
                    answers.charts.insert(need, chart);
                }
                Need::Remote(need) => fetched.fetch(session, &[need])?,
                Need::Chart(need) => {
                    let chart = fetch(session, &need)?;
                    answers.charts.insert(need, chart);
                }
                Need::Reference(name) => {
                    let tree = reference(&name, references)?;
                    answers.references.insert(name, Some(tree));
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

/// The folder that stands for another source.
fn reference(name: &str, known: &BTreeMap<Str, PathBuf>) -> Result<Arc<dyn Tree>, Failure> {
    let Some(folder) = known.get(name) else {
        return Err(Failure::new(format!(
            "the source refers to another source (`${name}/…`), and there is only one folder here"
        ))
        .hint(format!(
            "`--ref {name}=FOLDER` gives the folder that stands for it"
        )));
    };
    let tree = DiskTree::open(folder).map_err(|error| {
        Failure::from_error(&error).while_doing(format!("cannot read `{}`", folder.display()))
    })?;
    Ok(Arc::new(tree))
}

/// A chart of a repository that needs no credential.
pub(super) fn fetch(session: &Session, need: &ChartNeed) -> Result<Arc<dyn Tree>, Failure> {
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
