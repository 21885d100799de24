//! One layer of a build, and the build as a whole.

use crate::config::Config;
use crate::error::KustomizeError;
use crate::kustomization::{COMPONENT, Kustomization};
use crate::load::{Loader, parse_resources};
use crate::namespace::{Namespace, Subjects, drop_local};
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::vars::{self, Vars};
use crate::{generate, images, labels, names, order, patch, plugins, refs, replace};
use argosy_object::{Origin, Value};
use argosy_schema::Schemas;
use argosy_tree::{RelPath, Rooted};
use std::sync::Arc;

/// How deep bases and components may be nested.
pub(crate) const MAX_LAYERS: usize = 64;

/// What a build is told beside its folder.
#[derive(Clone)]
pub struct Options {
    /// Files may stand outside their kustomization's folder (`--load-restrictor
    /// LoadRestrictionsNone`); they may never stand outside the tree.
    pub load_anywhere: bool,
    /// What is known of kinds: merge keys. Custom kinds have their lists replaced unless their
    /// schemas are among these.
    pub schemas: Arc<Schemas>,
    /// What `kustomize edit` would have written into the kustomization first.
    pub edits: Edits,
}

impl Default for Options {
    fn default() -> Self {
        Self { load_anywhere: false, schemas: Schemas::builtin(), edits: Edits::default() }
    }
}

use crate::edits::Edits;

/// What a build gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Built {
    /// The objects in the order in which `kustomize build` prints them, each with where it came
    /// from; of generated ones, that is the kustomization.
    pub objects: Vec<(Value, Origin)>,
}

/// Builds the kustomization in a folder of `tree`.
///
/// # Errors
/// [`KustomizeError`] with the file that is at fault. Nothing is built by halves.
///
/// Compat: `kustomize build` 5.8.1 byte for byte, but for what is refused: remote bases, Helm
/// charts, and plugins that are programs or containers.
pub fn build(
    tree: &Rooted<'_>,
    folder: &RelPath,
    options: &Options,
) -> Result<Built, KustomizeError> {
    let loader = Loader::new(tree, folder.clone(), options.load_anywhere);
    let (mut kustomization, file) = loader.kustomization()?;
    options.edits.apply(&mut kustomization)?;
    let sort = kustomization.sort_options.clone();
    let metadata = kustomization.build_metadata.clone();
    let file = loader.full(&file);
    if let Some(unknown) =
        metadata.iter().find(|m| !["managedByLabel", "originAnnotations", "transformerAnnotations"].contains(&m.as_str()))
    {
        return Err(KustomizeError::invalid(file, format!("unknown buildMetadata `{unknown}`")));
    }
    if metadata.iter().any(|m| m != "managedByLabel") {
        let what = "buildMetadata of origins and transformers".to_owned();
        return Err(KustomizeError::Unsupported { file, what });
    }
    let mut all = Accumulator::default();
    Layer { loader, kustomization, file, schemas: &options.schemas }.accumulate(&mut all)?;
    names::add_hashes(&mut all.map);
    refs::fix(&mut all.map, &all.config)?;
    vars::resolve(&mut all.map, &all.vars, &all.config)?;
    drop_local(&mut all.map);
    order::sort(&mut all.map, sort.as_ref())?;
    if metadata.iter().any(|m| m == "managedByLabel") {
        label_manager(&mut all.map);
    }
    let objects = all.map.list.into_iter().map(|r| (r.value, r.origin)).collect();
    Ok(Built { objects })
}

fn label_manager(map: &mut ResMap) {
    for resource in &mut map.list {
        let mut texts = resource.texts("labels");
        texts.insert("app.kubernetes.io/managed-by".into(), "kustomize-v5.8.1".into());
        resource.set_texts("labels", texts);
    }
}

/// What the layers so far have made.
#[derive(Default)]
struct Accumulator {
    map: ResMap,
    config: Config,
    vars: Vars,
}

/// One kustomization or component.
struct Layer<'t, 's> {
    loader: Loader<'t>,
    kustomization: Kustomization,
    file: String,
    schemas: &'s Schemas,
}

impl Layer<'_, '_> {
    fn accumulate(&self, all: &mut Accumulator) -> Result<(), KustomizeError> {
        let k = &self.kustomization;
        if !k.helm_charts.is_empty() {
            let what = "`helmCharts`".to_owned();
            return Err(KustomizeError::Unsupported { file: self.file.clone(), what });
        }
        self.resources(&mut all.map, &mut all.config, &mut all.vars, &k.resources)?;
        all.config.merge(plugins::config_of(&self.loader, &k.configurations)?)?;
        for path in &k.crds {
            crate::crds::extend(&mut all.config, &self.loader.full(path), &self.loader.read(path)?)?;
        }
        self.generate(&mut all.map)?;
        for path in &k.components {
            let layer = self.enter(path)?;
            if layer.kustomization.kind != COMPONENT {
                let text = format!(
                    "expected kind 'Component' for path '{path}' but got '{}'",
                    layer.kustomization.kind
                );
                return Err(KustomizeError::invalid(&self.file, text));
            }
            layer.accumulate(all)?;
        }
        self.transform(&mut all.map, &all.config)?;
        for plugin in self.plugins(&k.transformers)? {
            plugins::transform(&mut all.map, &plugin, &self.loader, self.schemas)?;
        }
        for plugin in self.plugins(&k.validators)? {
            plugins::transform(&mut all.map, &plugin, &self.loader, self.schemas)?;
        }
        vars::declare(&mut all.vars, &mut all.map, &k.vars)
    }

    fn enter(&self, path: &str) -> Result<Self, KustomizeError>
    where
        Self: Sized,
    {
        let loader = self.loader.enter(&self.file, path)?;
        let (kustomization, file) = loader.kustomization()?;
        let file = loader.full(&file);
        Ok(Self { loader, kustomization, file, schemas: self.schemas })
    }

    /// Files and bases; a base is a build of its own, whose outcome is added.
    fn resources(
        &self,
        map: &mut ResMap,
        config: &mut Config,
        known: &mut Vars,
        paths: &[String],
    ) -> Result<(), KustomizeError> {
        for path in paths {
            if self.loader.is_file(path)? {
                map.append_all(self.loader.resources(path)?)?;
                continue;
            }
            let layer = self.enter(path)?;
            if layer.kustomization.kind == COMPONENT {
                let text = format!("expected kind != 'Component' for path '{path}'");
                return Err(KustomizeError::invalid(&self.file, text));
            }
            let mut inner = Accumulator::default();
            layer.accumulate(&mut inner)?;
            map.append_all(inner.map.list)?;
            config.merge(inner.config)?;
            vars::merge(known, inner.vars)?;
        }
        Ok(())
    }

    fn generate(&self, map: &mut ResMap) -> Result<(), KustomizeError> {
        let k = &self.kustomization;
        let global = k.generator_options.as_ref();
        for (kind, list) in
            [("ConfigMap", &k.config_map_generator), ("Secret", &k.secret_generator)]
        {
            for args in list {
                let made = generate::generate(kind, args, global, &self.loader, &self.file)?;
                map.absorb(made)?;
            }
        }
        for plugin in self.plugins(&k.generators)? {
            map.absorb(plugins::generate(&plugin, &self.loader)?)?;
        }
        Ok(())
    }

    /// The objects that configure plugins: written inline, in files, or built by a base.
    fn plugins(&self, entries: &[String]) -> Result<Vec<Resource>, KustomizeError> {
        let mut found = ResMap::default();
        let mut paths = Vec::new();
        for entry in entries {
            match parse_resources(&self.file, entry.as_bytes()) {
                Ok(inline) => found.append_all(inline)?,
                Err(_) => paths.push(entry.clone()),
            }
        }
        self.resources(&mut found, &mut Config::default(), &mut Vars::new(), &paths)?;
        Ok(found.list)
    }

    fn transform(&self, map: &mut ResMap, config: &Config) -> Result<(), KustomizeError> {
        let k = &self.kustomization;
        if !k.patches_strategic_merge.is_empty() {
            let paths = &k.patches_strategic_merge;
            patch::apply_strategic(map, &self.loader, self.schemas, paths)?;
        }
        for edit in &k.patches {
            patch::apply_patch(map, &self.loader, self.schemas, edit)?;
        }
        let name = k.namespace.as_str();
        let specs = config.namespace.as_slice();
        Namespace { name, specs, unset_only: false, subjects: Subjects::Default }.apply(map)?;
        if !k.name_prefix.is_empty() {
            names::affix(map, &k.name_prefix, "", &config.name_prefix)?;
        }
        if !k.name_suffix.is_empty() {
            names::affix(map, "", &k.name_suffix, &config.name_suffix)?;
        }
        for edit in &k.labels {
            labels::write(map, &edit.pairs, &labels::specs_of(edit, config)?)?;
        }
        labels::write(map, &k.common_labels, &config.common_labels)?;
        labels::write(map, &k.common_annotations, &config.common_annotations)?;
        for edit in &k.patches_json6902 {
            patch::apply_json(map, &self.loader, edit)?;
        }
        for edit in &k.replicas {
            images::set_replicas(map, edit, &config.replicas)?;
        }
        for edit in &k.images {
            images::set_image(map, edit, &config.images)?;
        }
        if !k.replacements.is_empty() {
            replace::apply(map, &self.loader, &k.replacements)?;
        }
        Ok(())
    }
}
