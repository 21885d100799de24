//! A folder, rendered as a Kustomization of Flux would.

use super::definition::objects;
use super::{RenderCommand, answered};
use crate::session::{Session, parse_pair};
use argosy_cli::Failure;
use argosy_crds::{FluxKustomizationSpec, PostBuild, SubstituteReference, secret_text};
use argosy_object::{Object, Redacted, Str, Value};
use argosy_render::{FluxRequest, Rendered, render_flux};
use clap::Args;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// What Flux's variables are.
#[derive(Args)]
#[command(next_help_heading = "Flux")]
pub(super) struct FluxFlags {
    /// File with the ConfigMaps and Secrets that `postBuild.substituteFrom` names (repeatable)
    #[arg(long, value_name = "FILE")]
    substitute_from: Vec<PathBuf>,
    /// Variable over those of `postBuild` (repeatable)
    #[arg(long, value_name = "NAME=TEXT", value_parser = parse_pair)]
    substitute: Vec<(String, String)>,
    /// A variable that is not there, and has no default, is an error
    #[arg(long)]
    strict_substitute: bool,
    /// Nothing may be named elsewhere
    #[arg(long)]
    no_remote_bases: bool,
}

impl RenderCommand {
    /// Renders a Kustomization of Flux.
    pub(super) fn as_flux(
        &self,
        session: &Session,
        kustomization: &Object,
    ) -> Result<Rendered, Failure> {
        let mut spec = FluxKustomizationSpec::of(kustomization)
            .map_err(|error| Failure::from_error(&error))?;
        let place = self.place(&spec.path)?;
        spec.path.clone_from(&place.path);
        let flags = &self.variables;
        if !flags.substitute.is_empty() {
            let build = spec.post_build.get_or_insert_with(PostBuild::default);
            build.substitute.extend(flags.substitute.iter().cloned());
        }
        let own = kustomization.namespace();
        let namespace = self.namespace.as_deref().or(own).unwrap_or("default");
        let request = FluxRequest {
            name: self
                .name
                .clone()
                .unwrap_or_else(|| kustomization.name().to_owned()),
            namespace: namespace.to_owned(),
            variables: flags.variables(namespace)?,
            strict: flags.strict_substitute,
            no_remote_bases: flags.no_remote_bases,
            spec,
        };
        if request.spec.decryption.is_some() {
            session.tell("nothing is decrypted here: what is encrypted is shown as it is");
        }
        check_variables(&request)?;
        let tree = place.tree;
        answered(session, &BTreeMap::new(), |answers| {
            render_flux(&request, &tree, answers)
        })
    }
}

/// Says how an object with variables is given, where it is not.
fn check_variables(request: &FluxRequest) -> Result<(), Failure> {
    let build = request.spec.post_build.iter();
    let mut references = build.flat_map(|build| &build.substitute_from);
    let is_missing = |reference: &&SubstituteReference| {
        let key = (Str::from(&*reference.kind), Str::from(&*reference.name));
        !reference.optional && !request.variables.contains_key(&key)
    };
    match references.find(is_missing) {
        None => Ok(()),
        Some(SubstituteReference { kind, name, .. }) => Err(Failure::new(format!(
            "`spec.postBuild.substituteFrom` names {kind} `{name}`, which is not given"
        ))
        .hint("`--substitute-from FILE` gives a file with the object")),
    }
}

type Variables = BTreeMap<(Str, Str), Redacted<BTreeMap<String, String>>>;

impl FluxFlags {
    /// The data of the given ConfigMaps and Secrets, those of other namespaces left out.
    fn variables(&self, namespace: &str) -> Result<Variables, Failure> {
        let mut found = Variables::new();
        for file in &self.substitute_from {
            for object in objects(file)? {
                let is_here = object.namespace().is_none_or(|other| other == namespace);
                if is_here && matches!(object.kind(), "ConfigMap" | "Secret") {
                    let key = (object.kind().into(), object.name().into());
                    found.insert(key, Redacted::new(data(&object)));
                }
            }
        }
        Ok(found)
    }
}

/// The texts of a ConfigMap, or of a Secret decoded.
fn data(object: &Object) -> BTreeMap<String, String> {
    let keys = |field: &str| {
        let map = object.pointer(field).and_then(Value::as_object);
        map.into_iter().flatten().map(|(key, _)| key.clone())
    };
    if object.kind() == "Secret" {
        let keys: BTreeSet<String> = keys("/data").chain(keys("/stringData")).collect();
        let texts = keys
            .into_iter()
            .filter_map(|key| Some((key.clone(), secret_text(object, &key)?)));
        return texts.collect();
    }
    let map = object.pointer("/data").and_then(Value::as_object);
    let texts = map.into_iter().flatten();
    texts
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}
