//! `argosy kustomize build`: the bytes of `kustomize build`, from Argosy's own engine.

use super::remote::{Fetched, MAX_ROUNDS};
use crate::session::Session;
use argosy_cli::Failure;
use argosy_git::DiskTree;
use argosy_kustomize::{
    BuildOptions, Built, HelmOptions, KustomizeError, Remote, Remotes, RepoSpec, build_with,
    is_remote, to_yaml,
};
use argosy_tree::{Limits, RelPath, Rooted};
use clap::Args;
use std::path::{Path, PathBuf};

/// Builds a kustomization, as `kustomize build` does
#[derive(Args)]
#[command(after_help = "Examples:
  argosy kustomize build ./overlays/production
  argosy kustomize build 'https://gitlab.internal/org/repo//overlays/production?ref=v1'
  argosy kustomize build ./overlays/production -o out.yaml")]
pub struct BuildCommand {
    /// Its folder, here or in a repository by its URL
    #[arg(default_value = ".")]
    dir: String,
    /// Write to a file, or each object to a file of a folder
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Whether files may lie outside their kustomization's folder
    #[arg(long, default_value = "LoadRestrictionsRootOnly", value_parser = ["LoadRestrictionsRootOnly", "LoadRestrictionsNone", "none"])]
    load_restrictor: String,
    /// Render the charts that `helmCharts` names, by Argosy's own engine
    #[arg(long)]
    enable_helm: bool,
    /// Taken and not needed: no helm is run
    #[arg(long, default_value = "helm", value_name = "PROGRAM")]
    helm_command: String,
    /// API version for charts (repeatable)
    #[arg(long, value_name = "VERSION", value_delimiter = ',')]
    helm_api_versions: Vec<String>,
    /// Version of Kubernetes for charts
    #[arg(long, default_value = "", value_name = "VERSION")]
    helm_kube_version: String,
    /// Taken and not needed: no helm is run
    #[arg(long)]
    helm_debug: bool,
    /// Allow plugins: of these, those that are built in work, programs are refused
    #[arg(long)]
    enable_alpha_plugins: bool,
    /// Taken; plugins that are programs are refused all the same
    #[arg(long)]
    enable_exec: bool,
    /// Order where the kustomization says none: legacy or none
    #[arg(long, value_parser = ["legacy", "none"], hide = true)]
    reorder: Option<String>,
    /// Label all objects with what built them
    #[arg(long, hide = true)]
    enable_managedby_label: bool,
    #[command(flatten)]
    functions: FunctionFlags,
}

/// Flags of plugins that are containers. There are none here, so they change nothing.
#[derive(Args)]
struct FunctionFlags {
    /// Taken; there are no containers
    #[arg(long)]
    as_current_user: bool,
    /// Taken; there are no containers
    #[arg(short, long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Taken; there are no containers
    #[arg(long, value_name = "MOUNT")]
    mount: Vec<String>,
    /// Taken; there are no containers
    #[arg(long)]
    network: bool,
    /// Taken; there are no containers
    #[arg(long, default_value = "bridge", value_name = "NAME")]
    network_name: String,
    /// Taken and ignored
    #[arg(long)]
    stack_trace: bool,
}

impl BuildCommand {
    pub(super) fn run(self, session: &Session) -> Result<u8, Failure> {
        let built = self.build(session).map_err(super::ended)?;
        for warning in &built.warnings {
            session.tell(warning);
        }
        match &self.output {
            None => session.print(&to_yaml(
                built.objects.iter().map(|(object, _)| object.value()),
            ))?,
            Some(path) => self.write(path, &built).map_err(super::ended)?,
        }
        Ok(0)
    }

    fn build(&self, session: &Session) -> Result<Built, Failure> {
        let shown = &self.dir;
        let doing = || format!("cannot build `{shown}`");
        let options = self.options();
        let mut fetched = Fetched::default();
        if is_remote(shown) && !Path::new(shown).exists() {
            let spec =
                RepoSpec::parse(shown).map_err(|text| Failure::new(text).while_doing(doing()))?;
            let mut root = Fetched::default();
            root.fetch(session, &[Remote::Tree(spec.tree.clone())])?;
            let tree = &root.trees[&spec.tree];
            let options = BuildOptions {
                shown_root: String::new(),
                ..options
            };
            let build = |remotes: &Remotes<'_>| {
                let reader = Rooted::new(&**tree, Limits::default());
                build_with(&reader, &spec.path, &options, remotes)
            };
            return fetching(session, &mut fetched, build).map_err(|f| f.while_doing(doing()));
        }
        let failed =
            |error: &dyn std::error::Error| Failure::from_error(error).while_doing(doing());
        let dir = Path::new(shown)
            .canonicalize()
            .map_err(|error| failed(&error))?;
        // Bases may lie above the folder, so the tree begins at the top; it is read as asked for.
        let tree = DiskTree::open(Path::new("/")).map_err(|error| failed(&error))?;
        let path = RelPath::new(&dir.to_string_lossy()).map_err(|error| failed(&error))?;
        let build = |remotes: &Remotes<'_>| {
            let reader = Rooted::new(&tree, Limits::default());
            build_with(&reader, &path, &options, remotes)
        };
        fetching(session, &mut fetched, build).map_err(|failure| failure.while_doing(doing()))
    }

    fn options(&self) -> BuildOptions {
        let helm = (self.enable_helm || self.enable_alpha_plugins).then(|| HelmOptions {
            kube_version: self.helm_kube_version.clone(),
            api_versions: self.helm_api_versions.clone(),
            ..HelmOptions::default()
        });
        BuildOptions {
            load_anywhere: self.load_restrictor != "LoadRestrictionsRootOnly",
            helm,
            unsorted: self.reorder.as_deref() == Some("none"),
            managed_by_label: self.enable_managedby_label,
            shown_root: "/".into(),
            ..BuildOptions::default()
        }
    }

    /// Compat: into a folder goes a file for each object, named by version, kind and name, with
    /// the namespace in front where there are several.
    fn write(&self, path: &Path, built: &Built) -> Result<(), Failure> {
        let failed = |path: &Path, error: &std::io::Error| {
            Failure::from_error(error).while_doing(format!("cannot write `{}`", path.display()))
        };
        if !path.is_dir() {
            let text = to_yaml(built.objects.iter().map(|(object, _)| object.value()));
            return std::fs::write(path, text).map_err(|error| failed(path, &error));
        }
        for (name, text) in built.files() {
            let file = path.join(name);
            std::fs::write(&file, text).map_err(|error| failed(&file, &error))?;
        }
        Ok(())
    }
}

/// Builds, fetching what is asked for, until nothing is.
fn fetching(
    session: &Session,
    fetched: &mut Fetched,
    build: impl Fn(&Remotes<'_>) -> Result<Built, KustomizeError>,
) -> Result<Built, Failure> {
    for _ in 0..MAX_ROUNDS {
        let error = match build(&fetched.remotes()) {
            Ok(built) => return Ok(built),
            Err(error) => error,
        };
        let Some(needs) = error.needs() else {
            return Err(Failure::from_error(&error));
        };
        let mut needs = needs.to_vec();
        needs.sort();
        needs.dedup();
        fetched.fetch(session, &needs)?;
    }
    Err(Failure::new(format!(
        "remote bases name each other more than {MAX_ROUNDS} deep"
    )))
}
