//! The paths of a kind and what can be done there.

use crate::kind::KindSchema;
use argosy_object::{Gvk, Value, json};

/// One method of one path.
pub(super) struct Operation {
    pub path: String,
    pub method: &'static str,
    pub action: &'static str,
    pub id: String,
    /// The kind the operation is tagged with.
    pub kind: Gvk,
    /// The kind of its body and answer.
    pub body: Gvk,
    pub list: bool,
    pub query: Vec<(&'static str, &'static str)>,
    strategic: bool,
}

const LIST: [(&str, &str); 10] = [
    ("allowWatchBookmarks", "boolean"),
    ("continue", "string"),
    ("fieldSelector", "string"),
    ("labelSelector", "string"),
    ("limit", "integer"),
    ("resourceVersion", "string"),
    ("resourceVersionMatch", "string"),
    ("sendInitialEvents", "boolean"),
    ("timeoutSeconds", "integer"),
    ("watch", "boolean"),
];
const DELETE: [(&str, &str); 4] = [
    ("dryRun", "string"),
    ("gracePeriodSeconds", "integer"),
    ("orphanDependents", "boolean"),
    ("propagationPolicy", "string"),
];
const WRITE: [(&str, &str); 3] = [
    ("dryRun", "string"),
    ("fieldManager", "string"),
    ("fieldValidation", "string"),
];

/// All operations of a kind and its subresources.
pub(super) fn of(kind: &KindSchema) -> Vec<Operation> {
    let gvk = &kind.gvk;
    let base = format!("/{}", super::group_path(&gvk.group, &gvk.version));
    let collection = if kind.is_namespaced() {
        format!("{base}/namespaces/{{namespace}}/{}", kind.plural)
    } else {
        format!("{base}/{}", kind.plural)
    };
    let mut operations = Vec::new();
    let mut add = |path: &str, verb: &str, tag: &Gvk, part: &str| {
        operations.extend(operation(kind, path, verb, tag, part));
    };
    for verb in &kind.verbs {
        match verb.as_ref() {
            "create" | "list" | "deletecollection" => add(&collection, verb, gvk, ""),
            "watch" => {}
            _ => add(&format!("{collection}/{{name}}"), verb, gvk, ""),
        }
    }
    if kind.is_namespaced() && kind.verbs.iter().any(|verb| verb == "list") {
        add(
            &format!("{base}/{}", kind.plural),
            "list",
            gvk,
            "ForAllNamespaces",
        );
    }
    for subresource in &kind.subresources {
        let path = format!("{collection}/{{name}}/{}", subresource.name);
        for verb in &subresource.verbs {
            add(
                &path,
                verb,
                &subresource.kind,
                &capitalized(&subresource.name),
            );
        }
    }
    operations
}

fn operation(
    kind: &KindSchema,
    path: &str,
    verb: &str,
    tag: &Gvk,
    part: &str,
) -> Option<Operation> {
    let (method, action, word) = match verb {
        "create" => ("post", "post", "create"),
        "get" => ("get", "get", "read"),
        "list" => ("get", "list", "list"),
        "update" => ("put", "put", "replace"),
        "patch" => ("patch", "patch", "patch"),
        "delete" => ("delete", "delete", "delete"),
        "deletecollection" => ("delete", "deletecollection", "deleteCollection"),
        _ => return None,
    };
    let query = match verb {
        "create" | "update" => WRITE.to_vec(),
        "patch" => WRITE
            .iter()
            .copied()
            .chain([("force", "boolean")])
            .collect(),
        "list" => LIST.to_vec(),
        "delete" => DELETE.to_vec(),
        "deletecollection" => LIST.iter().chain(&DELETE).copied().collect(),
        _ => Vec::new(),
    };
    let group: String = kind
        .gvk
        .group
        .split('.')
        .next()
        .map(capitalized)
        .filter(|g| !g.is_empty())
        .unwrap_or_else(|| "Core".into());
    let scope = if kind.is_namespaced() && part != "ForAllNamespaces" {
        "Namespaced"
    } else {
        ""
    };
    let id = format!(
        "{word}{group}{}{scope}{}{part}",
        capitalized(&kind.gvk.version),
        kind.gvk.kind
    );
    Some(Operation {
        path: path.to_owned(),
        method,
        action,
        id,
        kind: tag.clone(),
        body: tag.clone(),
        list: verb == "list",
        query,
        strategic: !kind.is_custom(),
    })
}

fn capitalized(word: &str) -> String {
    let mut chars = word.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

impl Operation {
    /// The names in braces.
    pub fn path_names(&self) -> impl Iterator<Item = &str> {
        self.path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }

    /// The parameters that all methods of the path have, in v3's form.
    pub fn path_parameters(&self) -> Vec<Value> {
        let path = self.path_names().map(|name| {
            json!({"in": "path", "name": name, "required": true,
                "schema": {"type": "string", "uniqueItems": true}})
        });
        let pretty = json!({"in": "query", "name": "pretty", "schema": {"type": "string", "uniqueItems": true}});
        path.chain([pretty]).collect()
    }

    /// The media types a patch may have.
    pub fn patch_types(&self) -> &'static [&'static str] {
        if self.strategic {
            &[
                "application/json-patch+json",
                "application/merge-patch+json",
                "application/strategic-merge-patch+json",
                "application/apply-patch+yaml",
            ]
        } else {
            &[
                "application/json-patch+json",
                "application/merge-patch+json",
                "application/apply-patch+yaml",
            ]
        }
    }
}
