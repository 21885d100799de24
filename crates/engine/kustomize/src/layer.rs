//! One layer of a build: a kustomization or a component, accumulated, generated, transformed.

use crate::config::Config;
use crate::error::KustomizeError;
use crate::kustomization::{COMPONENT, HelmChart, HelmGlobals, Kustomization};
use crate::load::{Loader, parse_resources};
use crate::namespace::{Namespace, Subjects};
use crate::provenance::{self, Provenance};
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::target::{Accumulator, Build};
use crate::vars::{self, Vars};
use crate::{charts, generate, images, labels, names, patch, plugins, replace};
use std::sync::Arc;

/// One kustomization or component.
pub(crate) struct Layer<'t, 's> {
    pub(crate) loader: Loader<'t>,
    pub(crate) kustomization: Kustomization,
    pub(crate) file: String,
    pub(crate) build: &'s Build<'s>,
    /// The namespace that charts get from the kustomizations above.
    pub(crate) chart_namespace: String,
    /// Where this folder stands as seen from the one that is built, where that is recorded.
    pub(crate) place: Option<String>,
}

impl Layer<'_, '_> {
    pub(crate) fn accumulate(&self, all: &mut Accumulator) -> Result<(), KustomizeError> {
        let k = &self.kustomization;
        let missing = self.loader.missing(k.resources.iter().chain(&k.components));
        let Accumulator { map, config, vars } = all;
        // What the bases need in their turn is asked for in the same breath.
        match (
            missing,
            self.resources("resources", map, config, vars, &k.resources),
        ) {
            (Err(KustomizeError::Needs(mut needs)), Err(inner)) => {
                let Some(more) = inner.needs() else {
                    return Err(inner);
                };
                needs.extend(more.iter().cloned());
                return Err(KustomizeError::Needs(needs));
            }
            (missing, done) => {
                missing?;
                done?;
            }
        }
        Config::absorb(config, self.configurations()?)?;
        for (at, path) in k.crds.iter().enumerate() {
            let read = self.loader.read(path).and_then(|bytes| {
                crate::crds::extend(Arc::make_mut(config), &self.loader.full(path), &bytes)
            });
            self.blame(read, || format!("crds[{at}]"))?;
        }
        self.generate(map)?;
        for (at, path) in k.components.iter().enumerate() {
            let layer = self.component(path);
            let layer = self.blame(layer, || format!("components[{at}]"))?;
            let done = layer.accumulate(all);
            self.blame(done, || format!("components[{at}]"))?;
        }
        self.transform(&mut all.map, &all.config)?;
        for plugin in self.plugins("transformers", &k.transformers)? {
            let schema = self.build.openapi.schema();
            plugins::transform(&mut all.map, &plugin, &self.loader, &schema)?;
            provenance::note(&mut all.map.list, Provenance::plugin(&plugin).as_ref());
        }
        self.validate(&mut all.map)?;
        let declared = vars::declare(&mut all.vars, &mut all.map, &k.vars);
        self.blame(declared, || "vars".to_owned())
    }

    /// Says which field an error comes from.
    fn blame<T>(
        &self,
        result: Result<T, KustomizeError>,
        field: impl FnOnce() -> String,
    ) -> Result<T, KustomizeError> {
        result.map_err(|error| error.at(&self.file, &field()))
    }

    fn component(&self, path: &str) -> Result<Self, KustomizeError> {
        let layer = self.enter(path)?;
        if layer.kustomization.kind == COMPONENT {
            return Ok(layer);
        }
        let root = self.loader.shown(&layer.loader.root);
        let kind = &layer.kustomization.kind;
        let text = format!("expected kind 'Component' for path '{root}' but got '{kind}'");
        Err(KustomizeError::failed(text))
    }

    fn configurations(&self) -> Result<Arc<Config>, KustomizeError> {
        if self.kustomization.configurations.is_empty() {
            return Ok(Config::builtin());
        }
        let mut own = Config::default();
        for (at, path) in self.kustomization.configurations.iter().enumerate() {
            let read = plugins::config_of(&self.loader, path);
            let read = read.and_then(|read| own.merge(read));
            self.blame(read, || format!("configurations[{at}]"))?;
        }
        let mut all = Config::make_builtin();
        all.merge(own)?;
        Ok(Arc::new(all))
    }

    /// Runs the validators, which may refuse but not change.
    fn validate(&self, map: &mut ResMap) -> Result<(), KustomizeError> {
        for plugin in self.plugins("validators", &self.kustomization.validators)? {
            let before = map.clone();
            plugins::transform(map, &plugin, &self.loader, &self.build.openapi.schema())?;
            let same = before.list.len() == map.list.len()
                && before
                    .list
                    .iter()
                    .zip(&map.list)
                    .all(|(a, b)| a.value == b.value);
            if !same {
                let text = format!(
                    "validator shouldn't modify the resource map: `{}` does",
                    plugin.gvk()
                );
                return Err(KustomizeError::invalid(&plugin.origin, text));
            }
        }
        Ok(())
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
        self.build.enter(&kustomization, &loader, &file)?;
        let place = self.at(path);
        Ok(Self {
            loader,
            kustomization,
            file,
            build: self.build,
            chart_namespace: Some(&self.kustomization.namespace)
                .filter(|namespace| !namespace.is_empty())
                .unwrap_or(&self.chart_namespace)
                .clone(),
            place,
        })
    }

    /// Files and bases; a base is a build of its own, whose outcome is added.
    fn resources(
        &self,
        field: &str,
        map: &mut ResMap,
        config: &mut Arc<Config>,
        known: &mut Vars,
        paths: &[String],
    ) -> Result<(), KustomizeError> {
        let mut needs = Vec::new();
        for (at, path) in paths.iter().enumerate() {
            let added = self.resource(map, config, known, path);
            if let Some(more) = added.as_ref().err().and_then(KustomizeError::needs) {
                needs.extend(more.iter().cloned());
                continue;
            }
            self.blame(added, || format!("{field}[{at}]"))?;
        }
        if needs.is_empty() {
            return Ok(());
        }
        Err(KustomizeError::Needs(needs))
    }

    fn resource(
        &self,
        map: &mut ResMap,
        config: &mut Arc<Config>,
        known: &mut Vars,
        path: &str,
    ) -> Result<(), KustomizeError> {
        if self.loader.is_file(path)? {
            let source = self.at(path).map(Provenance::File);
            let mut found = self.loader.resources(path)?;
            for resource in &mut found {
                resource.source.clone_from(&source);
            }
            return map.append_all(found);
        }
        let layer = self.enter(path)?;
        if layer.kustomization.kind == COMPONENT {
            let root = self.loader.shown(&layer.loader.root);
            let text = format!("expected kind != 'Component' for path '{root}'");
            return Err(KustomizeError::failed(text));
        }
        let mut inner = Accumulator::default();
        layer.accumulate(&mut inner)?;
        map.append_all(inner.map.list)?;
        Config::absorb(config, inner.config)?;
        vars::merge(known, inner.vars)
    }

    fn generate(&self, map: &mut ResMap) -> Result<(), KustomizeError> {
        let k = &self.kustomization;
        let global = k.generator_options.as_ref();
        for (kind, field, list) in [
            ("ConfigMap", "configMapGenerator", &k.config_map_generator),
            ("Secret", "secretGenerator", &k.secret_generator),
        ] {
            let source = self.builtin(&format!("{kind}Generator"));
            for (at, args) in list.iter().enumerate() {
                let made = generate::generate(kind, args, global, &self.loader, &self.file);
                let added = made.and_then(|mut made| {
                    made.source.clone_from(&source);
                    map.absorb(made)
                });
                self.blame(added, || format!("{field}[{at}]"))?;
            }
        }
        for (at, chart) in k.helm_charts.iter().enumerate() {
            let added = self
                .inflate(chart)
                .and_then(|made| made.into_iter().try_for_each(|made| map.absorb(made)));
            self.blame(added, || format!("helmCharts[{at}]"))?;
        }
        for plugin in self.plugins("generators", &k.generators)? {
            let mut made = match plugins::chart_of(&plugin)? {
                Some((chart, globals)) => self.inflate_with(&chart, Some(&globals))?,
                None => vec![plugins::generate(&plugin, &self.loader)?],
            };
            for resource in &mut made {
                resource.source = Provenance::plugin(&plugin);
            }
            made.into_iter().try_for_each(|made| map.absorb(made))?;
        }
        Ok(())
    }

    fn inflate(&self, chart: &HelmChart) -> Result<Vec<Resource>, KustomizeError> {
        let k = &self.kustomization;
        let mut chart = chart.clone();
        if chart.namespace.is_empty() {
            let own = Some(&k.namespace).filter(|namespace| !namespace.is_empty());
            chart
                .namespace
                .clone_from(own.unwrap_or(&self.chart_namespace));
        }
        let mut made = self.inflate_with(&chart, k.helm_globals.as_ref())?;
        let source = self.builtin("HelmChartInflationGenerator");
        for resource in &mut made {
            resource.source.clone_from(&source);
        }
        Ok(made)
    }

    fn inflate_with(
        &self,
        chart: &HelmChart,
        globals: Option<&HelmGlobals>,
    ) -> Result<Vec<Resource>, KustomizeError> {
        let Some(options) = self.build.helm else {
            return Err(KustomizeError::failed("must specify --enable-helm"));
        };
        charts::inflate(chart, globals, &self.loader, options)
    }

    /// The objects that configure plugins: written inline, in files, or built by a base.
    fn plugins(&self, field: &str, entries: &[String]) -> Result<Vec<Resource>, KustomizeError> {
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
        let (mut config, mut vars) = (Config::none(), Vars::new());
        self.resources(field, &mut found, &mut config, &mut vars, &paths)?;
        Ok(found.list)
    }

    fn transform(&self, map: &mut ResMap, config: &Config) -> Result<(), KustomizeError> {
        let k = &self.kustomization;
        let done = |map: &mut ResMap, kind: &str| {
            provenance::note(&mut map.list, self.builtin(kind).as_ref());
        };
        let schema = || self.build.openapi.schema();
        if !k.patches_strategic_merge.is_empty() {
            let paths = &k.patches_strategic_merge;
            let patched = patch::apply_strategic(map, &self.loader, &schema(), paths);
            self.blame(patched, || "patchesStrategicMerge".to_owned())?;
            done(map, "PatchStrategicMergeTransformer");
        }
        for (at, edit) in k.patches.iter().enumerate() {
            let patched = patch::apply_patch(map, &self.loader, &schema(), edit);
            self.blame(patched, || format!("patches[{at}]"))?;
            done(map, "PatchTransformer");
        }
        if !k.namespace.is_empty() {
            let name = k.namespace.as_str();
            let specs = config.namespace.as_slice();
            let set = Namespace {
                name,
                specs,
                unset_only: false,
                subjects: Subjects::Default,
            }
            .apply(map);
            self.blame(set, || "namespace".to_owned())?;
            done(map, "NamespaceTransformer");
        }
        if !k.name_prefix.is_empty() {
            let set = names::affix(map, &k.name_prefix, "", &config.name_prefix);
            self.blame(set, || "namePrefix".to_owned())?;
            done(map, "PrefixTransformer");
        }
        if !k.name_suffix.is_empty() {
            let set = names::affix(map, "", &k.name_suffix, &config.name_suffix);
            self.blame(set, || "nameSuffix".to_owned())?;
            done(map, "SuffixTransformer");
        }
        for (at, edit) in k.labels.iter().enumerate() {
            let set = labels::specs_of(edit, config)
                .and_then(|specs| labels::write(map, &edit.pairs, &specs));
            self.blame(set, || format!("labels[{at}]"))?;
            done(map, "LabelTransformer");
        }
        if !k.labels.is_empty() || !k.common_labels.is_empty() {
            let set = labels::write(map, &k.common_labels, &config.common_labels);
            self.blame(set, || "commonLabels".to_owned())?;
            done(map, "LabelTransformer");
        }
        if !k.common_annotations.is_empty() {
            let set = labels::write(map, &k.common_annotations, &config.common_annotations);
            self.blame(set, || "commonAnnotations".to_owned())?;
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
        for (at, edit) in k.patches_json6902.iter().enumerate() {
            let patched = patch::apply_json(map, &self.loader, edit);
            self.blame(patched, || format!("patchesJson6902[{at}]"))?;
            done(map, "PatchJson6902Transformer");
        }
        for (at, edit) in k.replicas.iter().enumerate() {
            let set = images::set_replicas(map, edit, &config.replicas);
            self.blame(set, || format!("replicas[{at}]"))?;
            done(map, "ReplicaCountTransformer");
        }
        for (at, edit) in k.images.iter().enumerate() {
            let set = images::set_image(map, edit, &config.images);
            self.blame(set, || format!("images[{at}]"))?;
            done(map, "ImageTagTransformer");
        }
        if !k.replacements.is_empty() {
            let replaced = replace::apply(map, &self.loader, &k.replacements);
            self.blame(replaced, || "replacements".to_owned())?;
            done(map, "ReplacementTransformer");
        }
        Ok(())
    }
}
