//! A folder, rendered as an Application would.

use super::{RenderCommand, answered};
use crate::session::Session;
use argosy_cli::Failure;
use argosy_crds::{ApplicationSpec, Source};
use argosy_object::{Object, Str};
use argosy_render::{Caches, Rendered, Request, ToolSettings, render};
use std::collections::BTreeMap;
use std::path::PathBuf;

impl RenderCommand {
    /// Renders one source of an Application; of none, what the flags say.
    pub(super) fn as_application(
        &self,
        session: &Session,
        applications: Vec<Object>,
    ) -> Result<Rendered, Failure> {
        let application = applications.into_iter().next();
        let spec = match &application {
            Some(object) => {
                ApplicationSpec::of(object).map_err(|error| Failure::from_error(&error))?
            }
            None => ApplicationSpec::default(),
        };
        let place = self.place(own_path(&spec))?;
        let (at, mut source) = chosen(spec.all_sources(), &place.path);
        let count = spec.all_sources().len();
        if count > 1 {
            session.tell(&format!("source {} of {count}", at + 1));
        }
        let mut references = same_repository(spec.all_sources(), &source, &place.root);
        let given = self.references.iter();
        references.extend(given.map(|(name, folder)| (Str::from(name.as_str()), folder.into())));
        source.path.clone_from(&place.path);
        source.chart.clear();
        self.source.add_to(&mut source)?;
        let own_name = application.as_ref().map(|object| object.name().to_owned());
        let name = self.name.clone().or(own_name).or(place.name);
        let namespace = Some(spec.destination.namespace.clone()).filter(|name| !name.is_empty());
        let namespace = self.namespace.clone().or(namespace);
        let request = Request {
            revision: source.target_revision.clone(),
            source,
            app_name: name.unwrap_or_else(|| "app".to_owned()),
            namespace: namespace.unwrap_or_else(|| "default".to_owned()),
            project: spec.project_name().to_owned(),
            kube_version: self.kube_version.clone(),
            api_versions: self.api_versions.clone().into(),
            tools: ToolSettings {
                kustomize_build_options: self.kustomize_build_options.clone(),
                ..ToolSettings::default()
            },
            ..Request::default()
        };
        let caches = Caches::default();
        let tree = place.tree;
        answered(session, &references, |answers| {
            render(&request, &tree, answers, &caches)
        })
    }
}

/// Whether a source renders something, and does not only lend its files.
fn renders(source: &Source) -> bool {
    source.reference.is_empty() || !source.path.is_empty()
}

fn own_path(spec: &ApplicationSpec) -> &str {
    let sources = spec.all_sources().iter();
    let first = sources.filter(|source| renders(source)).next();
    first.map_or("", |source| &source.path)
}

/// The source that the folder is of, else the first that renders something.
fn chosen(sources: &[Source], path: &str) -> (usize, Source) {
    let normal = |path: &str| argosy_tree::RelPath::new(path).ok();
    let wanted = normal(path);
    let is_here = |source: &Source| !source.path.is_empty() && normal(&source.path) == wanted;
    let at = sources
        .iter()
        .position(is_here)
        .or_else(|| sources.iter().position(renders))
        .unwrap_or_default();
    (at, sources.get(at).cloned().unwrap_or_default())
}

/// The other sources of the same repository: what they lend lies here, too.
fn same_repository(
    sources: &[Source],
    own: &Source,
    root: &std::path::Path,
) -> BTreeMap<Str, PathBuf> {
    let others = sources.iter().filter(|source| {
        !source.reference.is_empty() && !own.repo_url.is_empty() && source.repo_url == own.repo_url
    });
    others
        .map(|source| (Str::from(source.reference.as_str()), root.to_path_buf()))
        .collect()
}
