//! Kinds from the discovery documents, in discovery's order.

use super::columns::Column;
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

/// Group, version and kind.
pub type Gvk = (String, String, String);

/// One resource, or a kind that is only the body of subresources (`plural` is empty).
#[derive(Debug)]
pub struct Kind {
    pub gvk: Gvk,
    plural: String,
    singular: String,
    namespaced: bool,
    short_names: Vec<String>,
    categories: Vec<String>,
    verbs: Vec<String>,
    subresources: Vec<(String, Gvk, Vec<String>)>,
}

/// Kinds that are bodies of requests, beside those of subresources.
const BODIES: [(&str, &str, &str); 2] = [("", "v1", "DeleteOptions"), ("", "v1", "Status")];

/// All kinds of stable versions, and the bodies of their subresources.
pub fn read(discovery: &Path) -> Result<Vec<Kind>> {
    let core: Value = serde_json::from_slice(&std::fs::read(discovery.join("api__v1.json"))?)?;
    let mut kinds = core_kinds(&core)?;
    let groups = std::fs::read(discovery.join("aggregated_v2.json"))?;
    let groups: Value = serde_json::from_slice(&groups)?;
    for group in groups["items"].as_array().context("items")? {
        for version in group["versions"].as_array().context("versions")? {
            let name = text(&version["version"]);
            if name.contains("alpha") || name.contains("beta") {
                continue;
            }
            for resource in version["resources"].as_array().context("resources")? {
                kinds.push(resource_kind(
                    &text(&group["metadata"]["name"]),
                    &name,
                    resource,
                ));
            }
        }
    }
    let known: BTreeSet<Gvk> = kinds.iter().map(|k| k.gvk.clone()).collect();
    let mut bodies: BTreeSet<Gvk> = BODIES
        .iter()
        .map(|(g, v, k)| ((*g).into(), (*v).into(), (*k).into()))
        .collect();
    for kind in &kinds {
        bodies.extend(kind.subresources.iter().map(|s| s.1.clone()));
    }
    // Options of connecting subresources travel as query parameters, never as bodies.
    kinds.extend(
        bodies
            .into_iter()
            .filter(|gvk| {
                !known.contains(gvk) && (gvk.2 == "DeleteOptions" || !gvk.2.ends_with("Options"))
            })
            .map(|gvk| Kind {
                gvk,
                plural: String::new(),
                singular: String::new(),
                namespaced: true,
                short_names: Vec::new(),
                categories: Vec::new(),
                verbs: Vec::new(),
                subresources: Vec::new(),
            }),
    );
    Ok(kinds)
}

fn core_kinds(core: &Value) -> Result<Vec<Kind>> {
    let mut kinds: Vec<Kind> = Vec::new();
    let resources = core["resources"].as_array().context("resources")?;
    for resource in resources.iter().filter(|r| !text(&r["name"]).contains('/')) {
        kinds.push(Kind {
            gvk: (String::new(), "v1".into(), text(&resource["kind"])),
            plural: text(&resource["name"]),
            singular: text(&resource["singularName"]),
            namespaced: resource["namespaced"] == true,
            short_names: texts(&resource["shortNames"]),
            categories: texts(&resource["categories"]),
            verbs: texts(&resource["verbs"]),
            subresources: Vec::new(),
        });
    }
    for resource in resources {
        let name = text(&resource["name"]);
        let Some((plural, subresource)) = name.split_once('/') else {
            continue;
        };
        let kind = kinds
            .iter_mut()
            .find(|k| k.plural == plural)
            .context("parent")?;
        let version = text(&resource["version"]);
        let version = if version.is_empty() {
            "v1".to_owned()
        } else {
            version
        };
        let gvk = (text(&resource["group"]), version, text(&resource["kind"]));
        kind.subresources
            .push((subresource.to_owned(), gvk, texts(&resource["verbs"])));
    }
    Ok(kinds)
}

fn resource_kind(group: &str, version: &str, resource: &Value) -> Kind {
    let gvk = |kind: &Value| {
        let own = |field: &str, or: &str| match text(&kind[field]) {
            empty if empty.is_empty() => or.to_owned(),
            named => named,
        };
        (
            own("group", group),
            own("version", version),
            text(&kind["kind"]),
        )
    };
    let subresources = resource["subresources"].as_array().into_iter().flatten();
    Kind {
        gvk: gvk(&resource["responseKind"]),
        plural: text(&resource["resource"]),
        singular: text(&resource["singularResource"]),
        namespaced: resource["scope"] == "Namespaced",
        short_names: texts(&resource["shortNames"]),
        categories: texts(&resource["categories"]),
        verbs: texts(&resource["verbs"]),
        subresources: subresources
            .map(|s| {
                (
                    text(&s["subresource"]),
                    gvk(&s["responseKind"]),
                    texts(&s["verbs"]),
                )
            })
            .collect(),
    }
}

impl Kind {
    /// The kind's lines in the table.
    pub fn write(&self, out: &mut String, root: u32, columns: Option<&Vec<Column>>) {
        let (group, version, kind) = &self.gvk;
        let scope = if self.namespaced { 'N' } else { 'C' };
        let _ = writeln!(
            out,
            "K|{group}|{version}|{kind}|{}|{}|{scope}|{}|{}|{}|{root}",
            self.plural,
            self.singular,
            self.short_names.join(","),
            self.categories.join(","),
            self.verbs.join(","),
        );
        for (name, (group, version, kind), verbs) in &self.subresources {
            let _ = writeln!(out, "S|{name}|{group}|{version}|{kind}|{}", verbs.join(","));
        }
        if self.plural.is_empty() {
            return;
        }
        match columns {
            Some(columns) => {
                for (name, ty, format, priority) in columns {
                    let _ = writeln!(out, "C|{name}|{ty}|{format}|{priority}");
                }
            }
            None => out.push_str("C|Name|string|name|0\nC|Created At|date||0\n"),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}
