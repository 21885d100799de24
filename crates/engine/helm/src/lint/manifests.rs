//! The rules for what templates make, and for CRDs.

use std::collections::BTreeMap;

use argosy_gotmpl::GoStr;
use argosy_object::Value as Json;
use argosy_tree::Mode;
use bytes::Bytes;

use super::names::name_faults;
use super::{Linter, Severity, deprecations};
use crate::chart::Chart;
use crate::error::HelmError;
use crate::load::documents;
use crate::manifest::type_name;

impl Linter<'_, '_> {
    pub(super) fn manifests(&mut self, chart: &Chart, files: &BTreeMap<String, GoStr>) {
        for template in &chart.templates {
            let name = template.name.as_str();
            self.rule(Severity::Error, name, extension(name));
            if !is_yaml(name) {
                continue;
            }
            let Some(text) = files.get(&format!("{}/{name}", chart.name())) else {
                continue;
            };
            let text = text.lossy();
            if text.trim().is_empty() {
                continue;
            }
            self.rule(Severity::Warning, name, indent(&text));
            for document in documents(&Bytes::from(text.clone().into_owned())) {
                let object = match head(&document) {
                    Ok(object) => object,
                    Err(fault) => {
                        self.rule(Severity::Error, name, Err(fault));
                        return;
                    }
                };
                if !object.is_null() {
                    self.object(name, &object, &text);
                }
            }
        }
    }

    fn object(&mut self, path: &str, object: &Json, text: &str) {
        let word = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        let kind = word(&object["kind"]);
        let name = word(&object["metadata"]["name"]);
        self.rule(Severity::Warning, path, metadata_name(&kind, &name));
        let minor = self.request.kube_version.minor_number();
        let old = deprecations::warning(&word(&object["apiVersion"]), &kind, minor);
        self.rule(Severity::Warning, path, old.map_or(Ok(()), Err));
        let needs_selector = matches!(
            kind.as_str(),
            "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet"
        );
        let has_selector = text.contains("matchLabels") || text.contains("matchExpressions");
        if needs_selector && !has_selector {
            let text = format!(
                "a {kind} must contain matchLabels or matchExpressions, and {name:?} does not"
            );
            self.rule(Severity::Error, path, Err(text));
        }
        let items = object["items"].as_array().into_iter().flatten();
        let mut annotations = items.map(|item| &item["metadata"]["annotations"]);
        if kind == "List" && annotations.any(|all| all.get("helm.sh/resource-policy").is_some()) {
            let text = "annotation 'helm.sh/resource-policy' within List objects are ignored";
            self.rule(Severity::Error, path, Err(text.into()));
        }
    }

    pub(super) fn crds(&mut self) -> Result<(), HelmError> {
        const DIR: &str = "crds/";
        match self.mode("crds")? {
            None => return Ok(()),
            Some(Mode::Dir) => {}
            Some(_) => {
                self.rule(Severity::Error, DIR, Err("not a directory".into()));
                return Ok(());
            }
        }
        let Some(chart) = self.loaded_for(DIR) else {
            return Ok(());
        };
        for (_, file) in chart.crds() {
            for document in documents(&file.data) {
                let object = match head(&document) {
                    Ok(object) => object,
                    Err(fault) => {
                        self.rule(Severity::Error, &file.name, Err(fault));
                        return Ok(());
                    }
                };
                if object.is_null() {
                    continue;
                }
                let word = |field: &str| object[field].as_str().unwrap_or_default();
                if !word("apiVersion").starts_with("apiextensions.k8s.io") {
                    let text = "apiVersion is not in 'apiextensions.k8s.io'";
                    self.rule(Severity::Error, &file.name, Err(text.into()));
                }
                if word("kind") != "CustomResourceDefinition" {
                    let text = "object kind is not 'CustomResourceDefinition'";
                    self.rule(Severity::Error, &file.name, Err(text.into()));
                }
            }
        }
        Ok(())
    }
}

/// Reads a document and checks the types of the few fields that Helm reads.
fn head(document: &[u8]) -> Result<Json, String> {
    let broken = |text: String| format!("unable to parse YAML: {text}");
    let object = argosy_yaml::from_slice(document)
        .map_err(|error| broken(format!("error converting YAML to JSON: {}", error.text)))?;
    let wrong = |found: &Json, place: &str, wanted: &str| {
        let found = type_name(found);
        Err(broken(format!(
            "json: cannot unmarshal {found} into Go {place} of type {wanted}"
        )))
    };
    match &object {
        Json::Null => return Ok(object),
        Json::Object(_) => {}
        other => return wrong(other, "value", "rules.k8sYamlStruct"),
    }
    for key in ["apiVersion", "kind"] {
        if !matches!(object[key], Json::Null | Json::String(_)) {
            let field = if key == "kind" { "Kind" } else { key };
            let place = format!("struct field k8sYamlStruct.{field}");
            return wrong(&object[key], &place, "string");
        }
    }
    match &object["metadata"] {
        Json::Null => {}
        Json::Object(metadata) => {
            for (key, field) in [("name", "Name"), ("namespace", "Namespace")] {
                if let Some(value) = metadata.get(key)
                    && !matches!(value, Json::Null | Json::String(_))
                {
                    let place = format!("struct field k8sYamlStruct.Metadata.{field}");
                    return wrong(value, &place, "string");
                }
            }
        }
        other => {
            let place = "struct field k8sYamlStruct.Metadata";
            return wrong(other, place, "rules.k8sYamlMetadata");
        }
    }
    Ok(object)
}

fn metadata_name(kind: &str, name: &str) -> Result<(), String> {
    let faults: Vec<String> = name_faults(kind, name)
        .into_iter()
        .map(|fault| format!("metadata.name: Invalid value: {name:?}: {fault}"))
        .collect();
    let text = match faults.as_slice() {
        [] => return Ok(()),
        [fault] => fault.clone(),
        faults => format!("[{}]", faults.join(", ")),
    };
    Err(format!(
        "object name does not conform to Kubernetes naming requirements: {name:?}: {text}"
    ))
}

fn dot_extension(name: &str) -> &str {
    let base = name.rsplit('/').next().unwrap_or(name);
    base.rfind('.').map_or("", |at| &base[at..])
}

fn is_yaml(name: &str) -> bool {
    let extension = dot_extension(name).to_lowercase();
    matches!(extension.as_str(), ".yaml" | ".yml")
}

fn extension(name: &str) -> Result<(), String> {
    match dot_extension(name) {
        ".yaml" | ".yml" | ".tpl" | ".txt" => Ok(()),
        other => Err(format!(
            "file extension '{other}' not valid. Valid extensions are .yaml, .yml, .tpl, or .txt"
        )),
    }
}

/// The first line with something on it must not be indented.
fn indent(text: &str) -> Result<(), String> {
    match text.lines().find(|line| !line.trim().is_empty()) {
        Some(line) if line.starts_with([' ', '\t']) => {
            let line = argosy_gotmpl::gofmt::sprintf("%q", &[argosy_gotmpl::Value::str(line)]);
            Err(format!(
                "document starts with an illegal indent: {line}, which may cause parsing problems"
            ))
        }
        _ => Ok(()),
    }
}
