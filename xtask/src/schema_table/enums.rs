//! The values of fields that have a closed set of them. OpenAPI as it is published leaves them out,
//! a server's own documents have them: they are read from the generated code of those.

use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::path::Path;

/// Packages of the generated functions' names, and what OpenAPI calls them.
const PACKAGES: [(&str, &str); 2] = [
    ("k8sio_api_", "io.k8s.api."),
    (
        "pkg_apis_apiextensions_",
        "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.",
    ),
];

/// One line a field: `DEFINITION|field|JSON list`.
pub fn read(generated: &Path) -> Result<String> {
    let text = std::fs::read_to_string(generated)?;
    let mut found: BTreeMap<(String, String), String> = BTreeMap::new();
    let (mut definition, mut field) = (None, "");
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("func schema_") {
            definition = rest.split('(').next().and_then(definition_name);
        } else if let Some(name) = property(line) {
            field = name;
        } else if let (Some(definition), Some(values)) = (&definition, values(line)) {
            let list: Vec<String> = serde_json::from_str(&format!("[{values}]"))
                .with_context(|| format!("values of {definition}.{field}"))?;
            let list = serde_json::to_string(&list)?;
            found.insert((definition.clone(), field.to_owned()), list);
        }
    }
    Ok(found
        .into_iter()
        .map(|((definition, field), list)| format!("{definition}|{field}|{list}\n"))
        .collect())
}

fn definition_name(function: &str) -> Option<String> {
    let (rest, prefix) = PACKAGES
        .iter()
        .find_map(|(start, prefix)| Some((function.strip_prefix(start)?, prefix)))?;
    Some(format!("{prefix}{}", rest.replace('_', ".")))
}

/// `"name": {` at the depth of a definition's own properties.
fn property(line: &str) -> Option<&str> {
    line.strip_prefix("\t\t\t\t\t\"")?.strip_suffix("\": {")
}

/// The values of a property itself, not those of its items.
fn values(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("\t\t\t\t\t\t\tEnum:")?.trim_start();
    rest.strip_prefix("[]interface{}{")?.strip_suffix("},")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_the_property() {
        assert_eq!(
            values("\t\t\t\t\t\t\tEnum:        []interface{}{\"A\", \"B\"},"),
            Some("\"A\", \"B\"")
        );
        assert_eq!(
            values("\t\t\t\t\t\t\t\t\tEnum: []interface{}{\"A\"},"),
            None
        );
        assert_eq!(
            definition_name("k8sio_api_apps_v1_DaemonSet").as_deref(),
            Some("io.k8s.api.apps.v1.DaemonSet")
        );
    }
}
