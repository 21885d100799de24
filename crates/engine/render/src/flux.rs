//! A Flux Kustomization: its folder built, its variables filled in, its labels set.

use crate::error::RenderError;
use crate::kustomize::{outcome, remotes};
use crate::request::{Answers, Facts, Rendered, Step};
use crate::{Objects, Outcome, Tool, app_path};
use argosy_crds::{CommonMetadata, FLUX_KUSTOMIZE_GROUP, FluxKustomizationSpec, PostBuild};
use argosy_kustomize::{FluxFields, Substitution, flux_build_with, substitute};
use argosy_object::{Finding, Map, Object, Origin, Redacted, Str, Value};
use argosy_tree::{Limits, Rooted, Tree};
use std::collections::BTreeMap;

/// One Kustomization of Flux.
#[derive(Clone, Debug, Default)]
pub struct FluxRequest {
    /// Its own name.
    pub name: String,
    /// Its own namespace.
    pub namespace: String,
    /// Its spec.
    pub spec: FluxKustomizationSpec,
    /// A variable that is not there, and has no default, is an error (Flux's feature gate
    /// `StrictPostBuildSubstitutions`).
    pub strict: bool,
    /// Nothing may be named elsewhere (Flux's flag `--no-remote-bases`).
    pub no_remote_bases: bool,
    /// The data of the objects that `substituteFrom` names, by kind and name, decoded.
    pub variables: BTreeMap<(Str, Str), Redacted<BTreeMap<String, String>>>,
}

/// Renders a Kustomization of Flux.
///
/// What goes in is the tree of its source; what comes out are the objects as they are applied:
/// built, with variables filled in, labelled with their owner, and with `commonMetadata` over
/// all. Where something is elsewhere, [`Step::Needs`] names it.
///
/// # Errors
/// [`RenderError`]: what does not build, variables that are missing or cannot be filled in.
///
/// Compat: kustomize-controller 1.9. Differs: what is encrypted stays so, and a finding says it.
pub fn render_flux(
    request: &FluxRequest,
    tree: &dyn Tree,
    answers: &Answers,
) -> Result<Step, RenderError> {
    let reader = Rooted::new(tree, Limits::default());
    // A leading slash is the source's root, as everywhere in Flux.
    let path = app_path(&reader, request.spec.path.trim_start_matches('/'))?;
    let mut remotes = remotes(answers);
    remotes.allowed = !request.no_remote_bases;
    let built = flux_build_with(&reader, &path, &fields(&request.spec), &remotes);
    let Objects {
        objects,
        remote_reads,
        remote_files,
        ..
    } = match outcome(built, remotes, false)? {
        Outcome::Needs(needs) => return Ok(Step::Needs(needs)),
        Outcome::Objects(objects) => objects,
    };
    let variables = variables(request)?;
    let mut findings = Vec::new();
    let finish = |(object, origin): (Object, Origin)| {
        let object = match &variables {
            Some(variables) => filled(&object, variables)?,
            None => object,
        };
        if object.value().get("sops").is_some() {
            findings.push(encrypted(&object, &origin));
        }
        Ok((labelled(&object, request), origin))
    };
    let objects = objects.into_iter().map(finish);
    Ok(Step::Done(Rendered {
        objects: objects.collect::<Result<_, RenderError>>()?,
        findings,
        reads: reader.reads(),
        reference_reads: BTreeMap::new(),
        remote_reads,
        remote_files,
        facts: Facts::default(),
        tool: Tool::Kustomize,
    }))
}

fn fields(spec: &FluxKustomizationSpec) -> FluxFields {
    FluxFields {
        target_namespace: spec.target_namespace.clone(),
        name_prefix: spec.name_prefix.clone(),
        name_suffix: spec.name_suffix.clone(),
        patches: spec.patches.clone(),
        components: spec.components.clone(),
        ignore_missing_components: spec.ignore_missing_components,
        images: spec.images.clone(),
        build_metadata: spec.build_metadata.clone(),
    }
}

/// The variables of `postBuild`; nothing where there is none.
fn variables(request: &FluxRequest) -> Result<Option<Substitution>, RenderError> {
    let Some(PostBuild {
        substitute_strategy,
        substitute,
        substitute_from,
    }) = &request.spec.post_build
    else {
        return Ok(None);
    };
    let mut from = Vec::new();
    for reference in substitute_from {
        let key = (
            reference.kind.as_str().into(),
            reference.name.as_str().into(),
        );
        match request.variables.get(&key) {
            Some(data) => from.push(data.reveal()),
            None if reference.optional => {}
            None => {
                return Err(RenderError::VariablesMissing {
                    kind: reference.kind.clone(),
                    name: reference.name.clone(),
                });
            }
        }
    }
    let failed = |source| RenderError::Substitute {
        object: "spec.postBuild".to_owned(),
        source,
    };
    let mut variables = Substitution::new(from, substitute).map_err(failed)?;
    variables.strict = request.strict;
    variables.always = substitute_strategy == "Always";
    Ok(Some(variables))
}

fn filled(object: &Object, variables: &Substitution) -> Result<Object, RenderError> {
    substitute(object, variables).map_err(|source| RenderError::Substitute {
        object: object.key().to_string(),
        source,
    })
}

fn encrypted(object: &Object, origin: &Origin) -> Finding {
    Finding {
        reason: "Encrypted",
        message: format!("{} is encrypted and is shown as it is", object.key()),
        origin: Some(origin.clone()),
    }
}

/// The object with its owner's labels, and over them what is common to all.
fn labelled(object: &Object, request: &FluxRequest) -> Object {
    let mut value = object.value().clone();
    let common = request.spec.common_metadata.clone().unwrap_or_default();
    let CommonMetadata {
        labels,
        annotations,
    } = common;
    let owner = [("name", &request.name), ("namespace", &request.namespace)];
    let owner = owner.map(|(what, text)| (format!("{FLUX_KUSTOMIZE_GROUP}/{what}"), text.clone()));
    set(&mut value, "labels", owner.into_iter().chain(labels));
    set(&mut value, "annotations", annotations);
    Object::from_trusted(value)
}

fn set(object: &mut Value, field: &str, texts: impl IntoIterator<Item = (String, String)>) {
    let mut texts = texts.into_iter().peekable();
    let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
    let (Some(metadata), Some(_)) = (metadata, texts.peek()) else {
        return;
    };
    let map = metadata.entry(field).or_insert(Value::Null);
    if !map.is_object() {
        *map = Value::Object(Map::new());
    }
    if let Value::Object(map) = map {
        map.extend(texts.map(|(name, text)| (name, Value::String(text))));
    }
}
