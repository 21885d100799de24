//! `kustomize edit`: a kustomization file, changed and written again with its comments.

mod generators;
mod lists;
pub(crate) mod metadata;
mod vars;

use crate::edits::set_images;
use crate::error::KustomizeError;
use crate::kustomization::{Kustomization, PatchEdit, ReplicaEdit};
use argosy_object::{Value, json};
use std::collections::BTreeMap;

pub use generators::{GeneratorEdit, GeneratorKind};
pub use lists::ListField;
pub use metadata::{LabelPlace, MetadataKind};
pub use vars::ReadFile;

/// Fields in the order in which those that a file did not have are written, with the field's
/// name in the file. The first column is what a line may begin with.
const ORDER: [(&str, &str); 33] = [
    ("apiVersion", "apiVersion"),
    ("kind", "kind"),
    ("metadata", "metadata"),
    ("sortOptions", "sortOptions"),
    ("resources", "resources"),
    ("bases", "bases"),
    ("namePrefix", "namePrefix"),
    ("nameSuffix", "nameSuffix"),
    ("namespace", "namespace"),
    ("crds", "crds"),
    ("commonLabels", "commonLabels"),
    ("labels", "labels"),
    ("commonAnnotations", "commonAnnotations"),
    ("patchesStrategicMerge", "patchesStrategicMerge"),
    ("patchesJson6902", "patchesJson6902"),
    ("patches", "patches"),
    ("configMapGenerator", "configMapGenerator"),
    ("secretGenerator", "secretGenerator"),
    ("helmCharts", "helmCharts"),
    ("helmChartInflationGenerator", "helmChartInflationGenerator"),
    ("helmGlobals", "helmGlobals"),
    ("generatorOptions", "generatorOptions"),
    ("vars", "vars"),
    ("images", "images"),
    ("replacements", "replacements"),
    ("replicas", "replicas"),
    ("configurations", "configurations"),
    ("generators", "generators"),
    ("transformers", "transformers"),
    ("validators", "validators"),
    ("components", "components"),
    ("openapi", "openapi"),
    ("buildMetadata", "buildMetadata"),
];

/// A kustomization file that can be changed.
///
/// Compat: `kustomize edit` 5.8.1 to the byte: the fields keep their order and each the comments
/// that stood above it or within it; what is new goes to the end; what deprecated fields hold is
/// moved to those that took their place.
#[derive(Clone, Debug)]
pub struct KustomizationFile {
    parsed: Kustomization,
    /// The fields of the file with the comments above each.
    original: Vec<(&'static str, String)>,
}

/// One change.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Edit {
    /// `set image`: `NAME=NEW:TAG` and its like.
    SetImages(Vec<String>),
    /// `set replicas`: `NAME=COUNT`.
    SetReplicas(Vec<String>),
    /// `set namespace`.
    SetNamespace(String),
    /// `set nameprefix`.
    SetNamePrefix(String),
    /// `set namesuffix`.
    SetNameSuffix(String),
    /// `set label` and `set annotation`: `KEY:VALUE`.
    SetMetadata(MetadataKind, Vec<String>),
    /// `add label` and `add annotation`: `KEY:VALUE`.
    AddMetadata {
        /// Which.
        kind: MetadataKind,
        /// `KEY:VALUE` each.
        pairs: Vec<String>,
        /// Whether those that are there already are overwritten.
        force: bool,
        /// Where labels go.
        place: LabelPlace,
    },
    /// `remove label` and `remove annotation`.
    RemoveMetadata {
        /// Which.
        kind: MetadataKind,
        /// The keys, with commas between them.
        keys: Vec<String>,
        /// Whether keys may be missing.
        ignore_missing: bool,
    },
    /// `add resource`, `component`, `generator`, `transformer`: paths.
    AddPaths(ListField, Vec<String>),
    /// `add base`: folders.
    AddBases(Vec<String>),
    /// `remove resource`, `remove transformer`: patterns.
    RemovePaths(ListField, Vec<String>),
    /// `set buildmetadata`.
    SetBuildMetadata(Vec<String>),
    /// `add buildmetadata`.
    AddBuildMetadata(Vec<String>),
    /// `remove buildmetadata`.
    RemoveBuildMetadata(Vec<String>),
    /// `add patch`: a patch as a kustomization has it.
    AddPatch(Value),
    /// `remove patch`.
    RemovePatch(Value),
    /// `add configmap`, `add secret`.
    AddGenerator(GeneratorKind, GeneratorEdit),
    /// `set configmap`, `set secret`.
    SetGenerator(GeneratorKind, GeneratorEdit),
    /// `remove configmap`, `remove secret`: names and the namespace.
    RemoveGenerators(GeneratorKind, Vec<String>, String),
    /// `fix`: what `patchesStrategicMerge` names is a file where it is among these.
    Fix(Vec<String>),
}

impl KustomizationFile {
    /// Reads a file; an empty one is fine.
    ///
    /// # Errors
    /// Broken YAML, fields that do not exist or are of the wrong type.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, KustomizeError> {
        let parsed = Kustomization::read(file, bytes)?;
        let text = String::from_utf8_lossy(bytes);
        Ok(Self {
            parsed,
            original: fields_with_comments(&text),
        })
    }

    /// What `patchesStrategicMerge` has: paths or patches.
    pub fn strategic_patches(&self) -> &[String] {
        &self.parsed.patches_strategic_merge
    }

    /// The file's text.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for (field, comment) in &self.original {
            text.push_str(comment);
            text.push_str(&self.field(field));
        }
        for (_, field) in ORDER {
            if !self.original.iter().any(|(known, _)| *known == field) {
                text.push_str(&self.field(field));
            }
        }
        text
    }

    fn field(&self, name: &str) -> String {
        match self.parsed.written(name) {
            Some(value) => argosy_yaml::to_string(&json!({ name: value })),
            None => String::new(),
        }
    }

    /// Makes one change.
    ///
    /// # Errors
    /// [`KustomizeError::Failed`] with kustomize's words.
    pub fn edit(&mut self, edit: &Edit) -> Result<Edited, KustomizeError> {
        let k = &mut self.parsed;
        match edit {
            Edit::SetImages(images) => {
                if images.is_empty() {
                    return Err(failed("no image specified"));
                }
                set_images(&mut k.images, images)?;
            }
            Edit::SetReplicas(replicas) => set_replicas(&mut k.replicas, replicas)?,
            Edit::SetNamespace(namespace) => k.namespace.clone_from(namespace),
            Edit::SetNamePrefix(prefix) => k.name_prefix.clone_from(prefix),
            Edit::SetNameSuffix(suffix) => k.name_suffix.clone_from(suffix),
            Edit::SetMetadata(kind, pairs) => metadata::set(k, *kind, pairs)?,
            Edit::AddMetadata {
                kind,
                pairs,
                force,
                place,
            } => {
                metadata::add(k, *kind, pairs, *force, *place)?;
            }
            Edit::RemoveMetadata {
                kind,
                keys,
                ignore_missing,
            } => {
                metadata::remove(k, *kind, keys, *ignore_missing)?;
            }
            Edit::AddPaths(_, paths) if paths.is_empty() => return Ok(Edited::nothing(None)),
            Edit::AddPaths(field, paths) => {
                return Ok(Edited::telling(lists::add(k, *field, paths)));
            }
            Edit::AddBases(paths) => lists::add_bases(k, paths)?,
            Edit::RemovePaths(field, patterns) => {
                if !lists::remove(k, *field, patterns)? {
                    return Ok(Edited::nothing(None));
                }
            }
            Edit::SetBuildMetadata(names) => k.build_metadata = lists::build_metadata(names)?,
            Edit::AddBuildMetadata(names) => lists::add_build_metadata(k, names)?,
            Edit::RemoveBuildMetadata(names) => {
                let gone = lists::build_metadata(names)?;
                k.build_metadata.retain(|name| !gone.contains(name));
            }
            Edit::AddPatch(patch) => return add_patch(k, patch),
            Edit::RemovePatch(patch) => return remove_patch(k, patch),
            Edit::AddGenerator(kind, edit) => generators::add(k, *kind, edit)?,
            Edit::SetGenerator(kind, edit) => generators::set(k, *kind, edit)?,
            Edit::RemoveGenerators(kind, names, namespace) => {
                return generators::remove(k, *kind, names, namespace).map(Edited::telling);
            }
            Edit::Fix(files) => fix(k, files)?,
        }
        Ok(Edited::telling(Vec::new()))
    }
}

/// What an edit came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edited {
    /// What a person should be told.
    pub told: Vec<String>,
    /// Nothing was changed: the file is to stay as it is, its layout too.
    pub is_untouched: bool,
}

impl Edited {
    fn telling(told: Vec<String>) -> Self {
        Self {
            told,
            is_untouched: false,
        }
    }

    fn nothing(told: Option<String>) -> Self {
        Self {
            told: told.into_iter().collect(),
            is_untouched: true,
        }
    }
}

fn failed(text: impl Into<String>) -> KustomizeError {
    KustomizeError::failed(text)
}

/// The fields of a text, each with the comments and empty lines above it, and with those within
/// it. Compat: what stands behind the last field is lost, as is a last line without an end.
fn fields_with_comments(text: &str) -> Vec<(&'static str, String)> {
    let mut found: Vec<(&'static str, String)> = Vec::new();
    let mut comments = String::new();
    for line in text
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
    {
        let bare = line.trim_start_matches(' ').trim_end_matches('\n');
        if bare.is_empty() || bare.starts_with('#') {
            comments.push_str(line);
            continue;
        }
        let field = ORDER.iter().find(|(name, _)| {
            line.get(..name.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(name))
                && line[name.len()..].starts_with(':')
        });
        match (field, found.last_mut()) {
            (Some((_, name)), _) => found.push((name, std::mem::take(&mut comments))),
            (None, Some((_, above))) => above.push_str(&std::mem::take(&mut comments)),
            (None, None) => {}
        }
    }
    found
}

fn set_replicas(replicas: &mut Vec<ReplicaEdit>, texts: &[String]) -> Result<(), KustomizeError> {
    if texts.is_empty() {
        return Err(failed("no replicas specified"));
    }
    let invalid = || failed("invalid format of replica, use the following format: <name>=<count>");
    let mut all = BTreeMap::new();
    for text in texts {
        let (name, count) = text.split_once('=').ok_or_else(invalid)?;
        let count: i64 = count.parse().map_err(|_| invalid())?;
        all.insert(name.to_owned(), count);
    }
    for old in replicas.drain(..) {
        all.entry(old.name).or_insert(old.count);
    }
    replicas.extend(
        all.into_iter()
            .map(|(name, count)| ReplicaEdit { name, count }),
    );
    Ok(())
}

fn patch_of(patch: &Value) -> Result<PatchEdit, KustomizeError> {
    serde_json::from_value(patch.clone()).map_err(|error| failed(format!("invalid patch: {error}")))
}

fn add_patch(k: &mut Kustomization, patch: &Value) -> Result<Edited, KustomizeError> {
    let patch = patch_of(patch)?;
    match (patch.patch.is_empty(), patch.path.is_empty()) {
        (false, false) => return Err(failed("patch and path can't be set at the same time")),
        (true, true) => return Err(failed("must provide either patch or path")),
        _ => {}
    }
    if k.patches.contains(&patch) {
        let text = "the patch is already in the kustomization file";
        return Ok(Edited::nothing(Some(text.to_owned())));
    }
    k.patches.push(patch);
    Ok(Edited::default())
}

fn remove_patch(k: &mut Kustomization, patch: &Value) -> Result<Edited, KustomizeError> {
    let patch = patch_of(patch)?;
    if !patch.patch.is_empty() && !patch.path.is_empty() {
        return Err(failed("patch and path can't be set at the same time"));
    }
    let before = k.patches.len();
    k.patches.retain(|known| *known != patch);
    if k.patches.len() == before {
        let text = format!("patch {} doesn't exist in kustomization file", patch.patch);
        return Ok(Edited::nothing(Some(text)));
    }
    Ok(Edited::default())
}

/// Moves what deprecated fields hold to those that took their place.
fn fix(k: &mut Kustomization, files: &[String]) -> Result<(), KustomizeError> {
    k.patches.append(&mut k.patches_json6902);
    for text in std::mem::take(&mut k.patches_strategic_merge) {
        let mut patch = PatchEdit::default();
        if files.contains(&text) {
            patch.path = text;
        } else {
            patch.patch = text;
        }
        k.patches.push(patch);
    }
    metadata::labels_of_common(k)
}
