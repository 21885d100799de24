//! Derives the table of built-in kinds from what a Kubernetes release publishes: OpenAPI and
//! discovery documents of module `k8s.io/kubernetes`, protobuf numbers of the staging modules,
//! printer columns of the server's source. The format is described in
//! `crates/engine/schema/src/table.rs`, which reads it.

mod columns;
mod enums;
mod gotypes;
mod kinds;
mod proto;
mod types;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

const KUBERNETES: &str = "k8s.io/kubernetes@v1.36.3";
/// Modules, and what OpenAPI calls their folder.
const STAGING: [(&str, &str); 4] = [
    ("k8s.io/api@v0.36.3", "io.k8s.api"),
    ("k8s.io/apimachinery@v0.36.3", "io.k8s.apimachinery"),
    (
        "k8s.io/apiextensions-apiserver@v0.36.3",
        "io.k8s.apiextensions-apiserver",
    ),
    ("k8s.io/kube-aggregator@v0.36.3", "io.k8s.kube-aggregator"),
];
const OUTPUT: &str = "crates/engine/schema/data/kinds.txt";
const ENUMS: &str = "crates/engine/schema/data/enums.txt";

/// Writes the table anew.
pub fn run() -> Result<()> {
    let kubernetes = module(KUBERNETES)?;
    let mut messages = proto::Messages::default();
    let mut structs = gotypes::GoTypes::default();
    for (name, prefix) in STAGING {
        let dir = module(name)?;
        messages.read_module(&dir)?;
        structs.read_module(&dir, prefix)?;
    }
    let definitions = definitions(&kubernetes)?;
    let columns = columns::read(&kubernetes.join("pkg/printers/internalversion/printers.go"))?;
    let kinds = kinds::read(&kubernetes.join("api/discovery"))?;
    let roots = types::roots(&definitions);
    let mut writer = types::Writer::new(&definitions, &messages, &structs);
    let mut head = String::from("# Kubernetes 1.36: cargo xtask schema-table\n");
    for kind in &kinds {
        let root = roots
            .get(&kind.gvk)
            .with_context(|| format!("no definition for {:?}", kind.gvk))?;
        let id = writer.add(root)?;
        kind.write(&mut head, id, columns.get(&kind.gvk.2));
    }
    head.push_str(&writer.finish());
    std::fs::create_dir_all(Path::new(OUTPUT).parent().context("parent")?)?;
    std::fs::write(OUTPUT, &head)?;
    let generated = kubernetes.join("pkg/generated/openapi/zz_generated.openapi.go");
    std::fs::write(ENUMS, enums::read(&generated)?)?;
    println!("{OUTPUT}: {} kinds, {} bytes", kinds.len(), head.len());
    Ok(())
}

/// The folder of a module, downloaded where it is missing.
fn module(name: &str) -> Result<PathBuf> {
    let output = Command::new("go")
        .args(["mod", "download", "-json", name])
        .output()?;
    if !output.status.success() {
        bail!(
            "go mod download {name}: {}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
    let answer: Value = serde_json::from_slice(&output.stdout)?;
    Ok(answer["Dir"].as_str().context("no Dir")?.into())
}

/// All schemas of all OpenAPI v3 documents, by name.
fn definitions(kubernetes: &Path) -> Result<BTreeMap<String, Value>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(kubernetes.join("api/openapi-spec/v3"))? {
        let document: Value = serde_json::from_slice(&std::fs::read(entry?.path())?)?;
        let Some(schemas) = document["components"]["schemas"].as_object() else {
            continue;
        };
        for (name, schema) in schemas {
            let mut schema = schema.clone();
            strip_descriptions(&mut schema);
            // DeleteOptions and WatchEvent differ between documents only in the groups they list.
            if let Some(Value::Array(tags)) = all
                .get(name)
                .and_then(|known: &Value| known.get("x-kubernetes-group-version-kind"))
            {
                let mut tags = tags.clone();
                if let Some(more) = schema["x-kubernetes-group-version-kind"].as_array() {
                    tags.extend(
                        more.iter()
                            .filter(|t| !tags.contains(t))
                            .cloned()
                            .collect::<Vec<_>>(),
                    );
                }
                schema["x-kubernetes-group-version-kind"] = Value::Array(tags);
            }
            all.insert(name.clone(), schema);
        }
    }
    Ok(all)
}

fn strip_descriptions(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if map.get("description").is_some_and(Value::is_string) {
                map.remove("description");
            }
            map.values_mut().for_each(strip_descriptions);
        }
        Value::Array(items) => items.iter_mut().for_each(strip_descriptions),
        _ => {}
    }
}
