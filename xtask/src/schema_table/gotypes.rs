//! What Go's structs make of a value: whether a zero is dropped or a missing field is written.

use anyhow::Result;
use std::collections::BTreeMap;
use std::path::Path;

/// One field of a struct.
#[derive(Debug, Clone)]
struct GoField {
    json: String,
    ty: String,
    omit: bool,
    omit_zero: bool,
    inline: bool,
}

/// Structs by OpenAPI name.
#[derive(Debug, Default)]
pub struct GoTypes {
    structs: BTreeMap<String, Vec<GoField>>,
}

impl GoTypes {
    /// Reads the hand-written sources below a module's folder; `prefix` is the OpenAPI name of it.
    pub fn read_module(&mut self, dir: &Path, prefix: &str) -> Result<()> {
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type()?.is_dir() {
                if name != "testdata" {
                    self.read_module(&entry.path(), &format!("{prefix}.{name}"))?;
                }
            } else if name.ends_with(".go")
                && !name.ends_with("_test.go")
                && !name.contains("generated")
            {
                self.read(&std::fs::read_to_string(entry.path())?, prefix);
            }
        }
        Ok(())
    }

    /// `z` where a zero is dropped, `a` where a missing field is written as its zero, `n` as null; `kind` is
    /// the shape's code in the table.
    pub fn mark(&self, name: &str, field: &str, kind: &str, is_object: bool) -> &'static str {
        let Some(found) = self.field(name, field, 0) else {
            return "";
        };
        if found.omit_zero || found.ty.starts_with('*') {
            // A nil pointer without `omitempty` is written as null.
            return if found.omit || found.omit_zero {
                ""
            } else {
                "n"
            };
        }
        let is_struct = is_object || ["q", "x", "t", "u", "d", "r"].contains(&kind);
        match (found.omit, is_struct) {
            // Go never omits a struct, whatever its tag says.
            (true, true) | (false, _) => "a",
            (true, false) => "z",
        }
    }

    /// Whether a missing value differs from a zero one.
    pub fn is_pointer(&self, name: &str, field: &str) -> bool {
        self.field(name, field, 0)
            .is_some_and(|found| found.omit_zero || found.ty.starts_with('*'))
    }

    fn field(&self, name: &str, field: &str, depth: usize) -> Option<&GoField> {
        let fields = self.structs.get(name)?;
        if let Some(found) = fields.iter().find(|f| !f.inline && f.json == field) {
            return Some(found);
        }
        let package = name.rsplit_once('.')?.0;
        fields
            .iter()
            .filter(|f| f.inline && depth < 4)
            .find_map(|f| {
                let ty = f.ty.trim_start_matches('*');
                let ty = ty.rsplit('.').next().unwrap_or(ty);
                self.field(&format!("{package}.{ty}"), field, depth + 1)
            })
    }

    fn read(&mut self, text: &str, package: &str) {
        let mut current: Option<String> = None;
        for line in text.lines() {
            let trimmed = line.trim();
            if let Some(name) = line
                .strip_prefix("type ")
                .and_then(|l| l.strip_suffix(" struct {"))
            {
                let name = format!("{package}.{name}");
                self.structs.insert(name.clone(), Vec::new());
                current = Some(name);
            } else if line == "}" {
                current = None;
            } else if let Some(name) = &current
                && let Some(field) = go_field(trimmed)
                && let Some(fields) = self.structs.get_mut(name)
            {
                fields.push(field);
            }
        }
    }
}

fn go_field(line: &str) -> Option<GoField> {
    let (declaration, tags) = line.split_once('`')?;
    let json = tags.split_once("json:\"")?.1.split_once('"')?.0;
    let mut options = json.split(',');
    let name = options.next()?;
    let options: Vec<&str> = options.collect();
    let mut words = declaration.split_whitespace();
    let first = words.next()?;
    let ty = words.next().unwrap_or(first);
    Some(GoField {
        json: name.to_owned(),
        ty: ty.to_owned(),
        // Drops zero structs as a pointer would.
        omit_zero: options.contains(&"omitzero"),
        omit: options.contains(&"omitempty"),
        inline: options.contains(&"inline"),
    })
}
