//! Field numbers from `generated.proto` files.

use anyhow::Result;
use std::collections::BTreeMap;
use std::path::Path;

/// One field of a message.
#[derive(Debug, Clone)]
pub struct ProtoField {
    pub name: String,
    pub number: u32,
    /// The type as written, made absolute for messages.
    pub ty: String,
}

/// All messages, by absolute name (`k8s.io.api.core.v1.Pod`).
#[derive(Debug, Default)]
pub struct Messages {
    all: BTreeMap<String, Vec<ProtoField>>,
}

impl Messages {
    /// Reads every `generated.proto` below a module's folder.
    pub fn read_module(&mut self, dir: &Path) -> Result<()> {
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                self.read_module(&entry.path())?;
            } else if entry.file_name() == "generated.proto" {
                self.read(&std::fs::read_to_string(entry.path())?);
            }
        }
        Ok(())
    }

    /// The fields of a message by its OpenAPI name.
    pub fn fields(&self, openapi: &str) -> Option<&[ProtoField]> {
        let rest = openapi.strip_prefix("io.k8s.")?;
        let name = format!("k8s.io.{}", rest.replace('-', "_"));
        self.message(&name)
    }

    /// The fields of a message by its own name.
    pub fn message(&self, name: &str) -> Option<&[ProtoField]> {
        self.all.get(name).map(Vec::as_slice)
    }

    fn read(&mut self, text: &str) {
        let mut package = String::new();
        let mut message: Option<String> = None;
        for line in text.lines().map(str::trim) {
            if line.starts_with("//") || line.is_empty() {
                continue;
            }
            if let Some(name) = line.strip_prefix("package ") {
                name.trim_end_matches(';').clone_into(&mut package);
            } else if let Some(name) = line.strip_prefix("message ") {
                let name = format!("{package}.{}", name.trim_end_matches([' ', '{']));
                self.all.insert(name.clone(), Vec::new());
                message = Some(name);
            } else if line == "}" {
                message = None;
            } else if let Some(message) = &message
                && let Some(field) = field(line, &package)
            {
                self.all.entry(message.clone()).or_default().push(field);
            }
        }
    }
}

fn field(line: &str, package: &str) -> Option<ProtoField> {
    let (head, number) = line.trim_end_matches(';').rsplit_once(" = ")?;
    let head = head
        .trim_start_matches("optional ")
        .trim_start_matches("repeated ");
    let (ty, name) = head.rsplit_once(' ')?;
    let ty = match ty.strip_prefix('.') {
        Some(absolute) => absolute.to_owned(),
        None if ty.starts_with(|c: char| c.is_ascii_uppercase()) => format!("{package}.{ty}"),
        None => ty.to_owned(),
    };
    Some(ProtoField {
        name: name.to_owned(),
        number: number.parse().ok()?,
        ty,
    })
}
