//! One layer of a build, and the build as a whole.

use crate::config::Config;
use crate::error::KustomizeError;
use crate::kustomization::{COMPONENT, Kustomization};
use crate::load::{Loader, parse_resources};
use crate::namespace::{Namespace, Subjects, drop_local};
use crate::provenance::{self, Provenance};
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::vars::{self, Vars};
use crate::{generate, images, labels, names, order, patch, plugins, refs, replace};
use argosy_object::{Object, Origin};
use argosy_schema::Schemas;
use argosy_tree::{RelPath, Rooted};
use std::sync::Arc;

/// How deep bases and components may be nested.
pub(crate) const MAX_LAYERS: usize = 64;

/// What a build is told beside its folder.
#[derive(Clone)]
pub struct BuildOptions {
    /// Files may stand outside their kustomization's folder (`--load-restrictor
    /// LoadRestrictionsNone`); they may never stand outside the tree.
    pub load_anywhere: bool,
    /// What is known of kinds: merge keys. Custom kinds have their lists replaced unless their
    /// schemas are among these.
    pub schemas: Arc<Schemas>,
    /// What `kustomize edit` would have written into the kustomization first.
    pub edits: Edits,
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self {
            load_anywhere: false,
            schemas: Schemas::builtin(),
            edits: Edits::default(),
        }
    }
}

use crate::edits::Edits;

/// Builds the kustomization in a folder of `tree`: the objects in the order in which `kustomize
/// build` prints them, each with where it came from; of generated ones, that is the kustomization.
///
/// Each object has a kind and a name; an `apiVersion` is demanded by upstream no more than here.
///
/// # Errors
/// [`KustomizeError`] with the file that is at fault. Nothing is built by halves.
///
/// Compat: `kustomize build` 5.8.1 byte for byte, but for what is refused: remote bases, Helm
/// charts, and plugins that are programs or containers.
pub fn build(
    tree: &Rooted<'_>,
    folder: &RelPath,
    options: &BuildOptions,
) -> Result<Vec<(Object, Origin)>, KustomizeError> {
    let loader = Loader::new(tree, folder.clone(), options.load_anywhere);
    let (mut kustomization, file) = loader.kustomization()?;
    options.edits.apply(&mut kustomization, &loader)?;
    let sort = kustomization.sort_options.clone();
    let metadata = kustomization.build_metadata.clone();
    let file = loader.full(&file);
    if let Some(unknown) = metadata.iter().find(|m| {
        ![
            "managedByLabel",
            "originAnnotations",
            "transformerAnnotations",
        ]
        .contains(&m.as_str())
    }) {
        return Err(KustomizeError::invalid(
            file,
            format!("unknown buildMetadata `{unknown}`"),
        ));
    }
    let mut all = Accumulator::default();
    let schemas = &options.schemas;
    let place = (!metadata.is_empty()).then(String::new);
    Layer {
        loader,
        kustomization,
        file,
        schemas,
        place,
    }
    .accumulate(&mut all)?;
    names::add_hashes(&mut all.map);
    refs::fix(&mut all.map, &all.config)?;
    vars::resolve(&mut all.map, &all.vars, &all.config)?;
    drop_local(&mut all.map);
    order::sort(&mut all.map, sort.as_ref())?;
    if metadata.iter().any(|m| m == "managedByLabel") {
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
    Ok(objects
        .map(|r| (Object::from_trusted(r.value), r.origin))
        .collect())
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
    /// Where this folder stands as seen from the one that is built, where that is recorded.
    place: Option<String>,
}

impl Layer<'_, '_> {
    fn accumulate(&self, all: &mut Accumulator) -> Result<(), KustomizeError> {
        let k = &self.kustomization;
        if !k.helm_charts.is_empty() {
            let what = "`helmCharts`".to_owned();
            return Err(KustomizeError::Unsupported {
                file: self.file.clone(),
                what,
            });
        }
        self.resources(&mut all.map, &mut all.config, &mut all.vars, &k.resources)?;
        all.config
            .merge(plugins::config_of(&self.loader, &k.configurations)?)?;
        for path in &k.crds {
            crate::crds::extend(
                &mut all.config,
                &self.loader.full(path),
                &self.loader.read(path)?,
            )?;
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
            provenance::note(&mut all.map.list, Provenance::plugin(&plugin).as_ref());
        }
        for plugin in self.plugins(&k.validators)? {
            plugins::transform(&mut all.map, &plugin, &self.loader, self.schemas)?;
        }
        vars::declare(&mut all.vars, &mut all.map, &k.vars)
    }

    /// A path as seen from the folder that is built, where that is recorded.
    fn at(&self, path: &str) -> Option<String> {
        let mut parts: Vec<&str> = Vec::new();
        let place = self.place.as_deref()?;
        for part in place.split('/').chain(path.split('/')) {
            match part {
                "" | "." => {}
                ".." if parts.last().is_some_and(|p| *p != "..") => {
                    parts.pop();
                }
                part => parts.push(part),
            }
        }
        Some(parts.join("/"))
    }

    /// What a field of this kustomization stands for, where that is recorded.
    fn builtin(&self, kind: &str) -> Option<Provenance> {
        let name = self.file.rsplit('/').next().unwrap_or_default();
        self.at(name).map(|file| Provenance::builtin(&file, kind))
    }

    fn enter(&self, path: &str) -> Result<Self, KustomizeError>
    where
        Self: Sized,
    {
        let loader = self.loader.enter(&self.file, path)?;
        let (kustomization, file) = loader.kustomization()?;
        let file = loader.full(&file);
        let place = self.at(path);
        Ok(Self {
            loader,
            kustomization,
            file,
            schemas: self.schemas,
            place,
        })
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
                let source = self.at(path).map(Provenance::File);
                let mut found = self.loader.resources(path)?;
                for resource in &mut found {
                    resource.source.clone_from(&source);
                }
                map.append_all(found)?;
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
        for (kind, list) in [
            ("ConfigMap", &k.config_map_generator),
            ("Secret", &k.secret_generator),
        ] {
            for args in list {
                let mut made = generate::generate(kind, args, global, &self.loader, &self.file)?;
                made.source = self.builtin(&format!("{kind}Generator"));
                map.absorb(made)?;
            }
        }
        for plugin in self.plugins(&k.generators)? {
            let mut made = plugins::generate(&plugin, &self.loader)?;
            made.source = Provenance::plugin(&plugin);
            map.absorb(made)?;
        }
        Ok(())
    }

    /// The objects that configure plugins: written inline, in files, or built by a base.
    fn plugins(&self, entries: &[String]) -> Result<Vec<Resource>, KustomizeError> {
        let mut found = ResMap::default();
        let mut paths = Vec::new();
        for entry in entries {
            match parse_resources(&self.file, entry.as_bytes()) {
                Ok(mut inline) => {
                    let name = self.file.rsplit('/').next().unwrap_or_default();
                    let source = self.at(name).map(Provenance::File);
                    for resource in &mut inline {
                        resource.source.clone_from(&source);
                    }
                    found.append_all(inline)?;
                }
                Err(_) => paths.push(entry.clone()),
            }
        }
        self.resources(&mut found, &mut Config::default(), &mut Vars::new(), &paths)?;
        Ok(found.list)
    }

    fn transform(&self, map: &mut ResMap, config: &Config) -> Result<(), KustomizeError> {
        let k = &self.kustomization;
        let done = |map: &mut ResMap, kind: &str| {
            provenance::note(&mut map.list, self.builtin(kind).as_ref());
        };
        if !k.patches_strategic_merge.is_empty() {
            let paths = &k.patches_strategic_merge;
            patch::apply_strategic(map, &self.loader, self.schemas, paths)?;
            done(map, "PatchStrategicMergeTransformer");
        }
        for edit in &k.patches {
            patch::apply_patch(map, &self.loader, self.schemas, edit)?;
            done(map, "PatchTransformer");
        }
        if !k.namespace.is_empty() {
            let name = k.namespace.as_str();
            let specs = config.namespace.as_slice();
            Namespace {
                name,
                specs,
                unset_only: false,
                subjects: Subjects::Default,
            }
            .apply(map)?;
            done(map, "NamespaceTransformer");
        }
        if !k.name_prefix.is_empty() {
            names::affix(map, &k.name_prefix, "", &config.name_prefix)?;
            done(map, "PrefixTransformer");
        }
        if !k.name_suffix.is_empty() {
            names::affix(map, "", &k.name_suffix, &config.name_suffix)?;
            done(map, "SuffixTransformer");
        }
        for edit in &k.labels {
            labels::write(map, &edit.pairs, &labels::specs_of(edit, config)?)?;
            done(map, "LabelTransformer");
        }
        if !k.labels.is_empty() || !k.common_labels.is_empty() {
            labels::write(map, &k.common_labels, &config.common_labels)?;
            done(map, "LabelTransformer");
        }
        if !k.common_annotations.is_empty() {
            labels::write(map, &k.common_annotations, &config.common_annotations)?;
            done(map, "AnnotationsTransformer");
        }
        self.transform_values(map, config)
    }

    /// The transformers that change single values.
    fn transform_values(&self, map: &mut ResMap, config: &Config) -> Result<(), KustomizeError> {
        let k = &self.kustomization;
        let done = |map: &mut ResMap, kind: &str| {
            provenance::note(&mut map.list, self.builtin(kind).as_ref());
        };
        for edit in &k.patches_json6902 {
            patch::apply_json(map, &self.loader, edit)?;
            done(map, "PatchJson6902Transformer");
        }
        for edit in &k.replicas {
            images::set_replicas(map, edit, &config.replicas)?;
            done(map, "ReplicaCountTransformer");
        }
        for edit in &k.images {
            images::set_image(map, edit, &config.images)?;
            done(map, "ImageTagTransformer");
        }
        if !k.replacements.is_empty() {
            replace::apply(map, &self.loader, &k.replacements)?;
            done(map, "ReplacementTransformer");
        }
        Ok(())
    }
}
