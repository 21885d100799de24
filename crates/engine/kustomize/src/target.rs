//! A build as a whole, and what it is told.

use crate::config::Config;
use crate::edits::Edits;
use crate::error::KustomizeError;
use crate::id::{CLUSTER, ResId};
use crate::kustomization::Kustomization;
use crate::layer::Layer;
use crate::load::{Loader, Rules};
use crate::namespace::drop_local;
use crate::openapi::OpenApi;
use crate::remote::Remotes;
use crate::resmap::ResMap;
use crate::vars::{self, Vars};
use crate::{names, order, provenance, refs};
use argosy_object::{Digest, Object, Origin, Redacted};
use argosy_tree::{RelPath, Rooted};
use std::cell::RefCell;
use std::sync::Arc;

/// How many warnings are kept.
const MAX_WARNINGS: usize = 1000;

/// How deep bases and components may be nested.
pub(crate) const MAX_LAYERS: usize = 64;

/// What a build is told beside its folder.
#[derive(Clone, Debug, Default)]
pub struct BuildOptions {
    /// Files may stand outside their kustomization's folder (`--load-restrictor
    /// LoadRestrictionsNone`); they may never stand outside the tree.
    pub load_anywhere: bool,
    /// What `kustomize edit` would have written into the kustomization first.
    pub edits: Edits,
    /// Charts are rendered (`--enable-helm`) and how; nothing: they are refused.
    pub helm: Option<HelmOptions>,
    /// Where the kustomization asks for no order, the objects keep theirs (`--reorder none`).
    pub unsorted: bool,
    /// All objects are labelled with what built them, as `buildMetadata` may ask, too.
    pub managed_by_label: bool,
    /// An OpenAPI document of the kustomization's own adds to the one that is built in, and does
    /// not take its place.
    pub openapi_adds: bool,
    /// What stands before paths in messages: `/` where the tree is a whole disk, and then
    /// absolute paths are paths of it; nothing for any other tree.
    pub shown_root: String,
}

/// What charts are told beside their own entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HelmOptions {
    /// The version of Kubernetes, where a chart's entry names none.
    pub kube_version: String,
    /// API versions, where a chart's entry names none.
    pub api_versions: Vec<String>,
    /// What random functions start from; without it the same for everybody.
    pub seed: Option<Redacted<Digest>>,
    /// What `now` is; the epoch without it.
    pub now: Option<jiff::Timestamp>,
}

/// What a build gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Built {
    /// The objects in the order in which `kustomize build` prints them, each with where it came
    /// from; of generated ones, that is the kustomization.
    pub objects: Vec<(Object, Origin)>,
    /// What a person should be told, in kustomize's words.
    pub warnings: Vec<String>,
}

impl Built {
    /// The objects as files of a folder, as `kustomize build --output FOLDER` writes them: names
    /// of version, kind and name, with the namespace in front where there are several.
    pub fn files(&self) -> Vec<(String, String)> {
        let ids: Vec<ResId> = self
            .objects
            .iter()
            .map(|(o, _)| ResId::of_value(o.value()))
            .collect();
        let namespaces: std::collections::BTreeSet<&str> = ids
            .iter()
            .map(ResId::effective_namespace)
            .filter(|n| *n != CLUSTER)
            .collect();
        let files = self.objects.iter().zip(&ids).map(|((object, _), id)| {
            let gvk = &id.gvk;
            let parts = [&gvk.group, &gvk.version, &gvk.kind, &id.name];
            let parts: Vec<&str> = parts
                .into_iter()
                .map(String::as_str)
                .filter(|p| !p.is_empty())
                .collect();
            let mut name = parts.join("_").to_lowercase() + ".yaml";
            let namespace = id.effective_namespace();
            if namespaces.len() > 1 && namespace != CLUSTER {
                name = format!("{}_{name}", namespace.to_lowercase());
            }
            (name, argosy_yaml::to_string(object.value()))
        });
        files.collect()
    }
}

/// Builds the kustomization in a folder of `tree`.
///
/// Each object has a kind and a name; an `apiVersion` is demanded by upstream no more than here.
///
/// # Errors
/// [`KustomizeError`] with the file that is at fault. Nothing is built by halves.
///
/// Compat: `kustomize build` 5.8.1 byte for byte, but for what is refused: charts that are not in
/// the tree, plugins that are programs or containers, and here (not in [`build_with`]) what lies
/// elsewhere.
pub fn build(
    tree: &Rooted<'_>,
    folder: &RelPath,
    options: &BuildOptions,
) -> Result<Built, KustomizeError> {
    build_with(tree, folder, options, &Remotes::default())
}

/// [`build`] with what was fetched from elsewhere.
///
/// # Errors
/// As there; [`KustomizeError::Needs`] (see [`KustomizeError::needs`]) names what must be fetched
/// before it is called again, as much of it at once as can be known.
pub fn build_with(
    tree: &Rooted<'_>,
    folder: &RelPath,
    options: &BuildOptions,
    remotes: &Remotes<'_>,
) -> Result<Built, KustomizeError> {
    let rules = Rules {
        anywhere: options.load_anywhere,
        shown_root: options.shown_root.clone(),
        remotes: Some(remotes),
    };
    let loader = Loader::new(tree, folder.clone(), &rules);
    let (mut kustomization, file) = loader.kustomization()?;
    options.edits.apply(&mut kustomization, &loader)?;
    build_parsed(loader, kustomization, &file, options)
}

/// Builds a kustomization that is read already.
pub(crate) fn build_parsed(
    loader: Loader<'_>,
    kustomization: Kustomization,
    file: &str,
    options: &BuildOptions,
) -> Result<Built, KustomizeError> {
    let sort = kustomization.sort_options.clone();
    let metadata = kustomization.build_metadata.clone();
    let file = loader.full(file);
    let mut all = Accumulator::default();
    let build = Build {
        openapi: OpenApi::new(options.openapi_adds),
        helm: options.helm.as_ref(),
        warnings: RefCell::default(),
    };
    build.enter(&kustomization, &loader, &file)?;
    let place = (!metadata.is_empty()).then(String::new);
    Layer {
        loader,
        kustomization,
        file,
        build: &build,
        chart_namespace: String::new(),
        place,
    }
    .accumulate(&mut all)?;
    names::add_hashes(&mut all.map);
    refs::fix(&mut all.map, &all.config)?;
    vars::resolve(&mut all.map, &all.vars, &all.config)?;
    drop_local(&mut all.map);
    if sort.is_some() || !options.unsorted {
        order::sort(&mut all.map, sort.as_ref())?;
    }
    if options.managed_by_label || metadata.iter().any(|m| m == "managedByLabel") {
        label_manager(&mut all.map);
    }
    let asked = |what: &str| metadata.iter().any(|m| m == what);
    for resource in &mut all.map.list {
        provenance::finish(
            resource,
            asked("originAnnotations"),
            asked("transformerAnnotations"),
        );
    }
    let objects = all.map.list.into_iter();
    Ok(Built {
        objects: objects
            .map(|r| (Object::from_trusted(r.value), r.origin))
            .collect(),
        warnings: build.warnings.into_inner(),
    })
}

fn label_manager(map: &mut ResMap) {
    for resource in &mut map.list {
        let mut texts = resource.texts("labels");
        texts.insert(
            "app.kubernetes.io/managed-by".into(),
            "kustomize-v5.8.1".into(),
        );
        resource.set_texts("labels", texts);
    }
}

/// What the layers so far have made.
pub(crate) struct Accumulator {
    pub(crate) map: ResMap,
    /// Shared while the layers add nothing of their own to the built-in table.
    pub(crate) config: Arc<Config>,
    pub(crate) vars: Vars,
}

impl Default for Accumulator {
    fn default() -> Self {
        Self {
            map: ResMap::default(),
            config: Config::none(),
            vars: Vars::default(),
        }
    }
}

/// What all layers of a build share.
pub(crate) struct Build<'o> {
    pub(crate) openapi: OpenApi,
    pub(crate) helm: Option<&'o HelmOptions>,
    warnings: RefCell<Vec<String>>,
}

impl Build<'_> {
    /// Notes what a kustomization says that is for the build as a whole.
    pub(crate) fn enter(
        &self,
        kustomization: &Kustomization,
        loader: &Loader<'_>,
        file: &str,
    ) -> Result<(), KustomizeError> {
        let mut warnings = self.warnings.borrow_mut();
        if warnings.len() < MAX_WARNINGS {
            warnings.extend(kustomization.warnings.iter().cloned());
        }
        self.openapi
            .set(kustomization, loader, file)
            .map_err(|error| error.at(file, "openapi"))
    }
}
