//! The forms of `-o`.

use crate::table::Table;
use crate::terminal::Terminal;
use argosy_object::Value;
use std::str::FromStr;

/// A form of output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// A table for people.
    #[default]
    Table,
    /// The table with more columns.
    Wide,
    /// JSON, indented by two spaces.
    Json,
    /// YAML.
    Yaml,
    /// Names only, one a line.
    Name,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" | "table" => Ok(Self::Table),
            "wide" => Ok(Self::Wide),
            "json" => Ok(Self::Json),
            "yaml" => Ok(Self::Yaml),
            "name" => Ok(Self::Name),
            other => Err(format!(
                "`{other}` is no output format; there are table, wide, json, yaml and name"
            )),
        }
    }
}

/// A list as all formats need it.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// For people.
    pub table: Table,
    /// For `-o name`.
    pub names: Vec<String>,
    /// For `-o json` and `-o yaml`.
    pub objects: Vec<Value>,
}

impl Listing {
    /// The text in a format, with its last line ended.
    pub fn render(&self, format: Format, terminal: &Terminal) -> String {
        match format {
            Format::Table => self.table.render(false, terminal),
            Format::Wide => self.table.render(true, terminal),
            Format::Name => self.names.iter().map(|n| n.clone() + "\n").collect(),
            Format::Json => to_pretty_json(&Value::Array(self.objects.clone())),
            Format::Yaml => argosy_yaml::to_string(&Value::Array(self.objects.clone())),
        }
    }
}

/// JSON for people, with the last line ended.
pub fn to_pretty_json(value: &Value) -> String {
    // Every value has a JSON text; keys are strings.
    serde_json::to_string_pretty(value).expect("a value is JSON") + "\n"
}

/// A YAML document with its separator before it.
pub fn to_yaml_document(value: &Value) -> String {
    format!("---\n{}", argosy_yaml::to_string(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    #[test]
    fn every_format_comes_from_one_value() {
        let mut table = Table::new(&["NAME"]);
        table.row(["a"]);
        let listing = Listing {
            table,
            names: vec!["argocd/a".into()],
            objects: vec![json!({"metadata": {"name": "a"}})],
        };
        let render = |format: &str| listing.render(format.parse().unwrap(), &Terminal::plain());
        assert_eq!(render(""), "NAME\na\n");
        assert_eq!(render("name"), "argocd/a\n");
        assert_eq!(render("yaml"), "- metadata:\n    name: a\n");
        assert!(render("json").starts_with("[\n  {\n    \"metadata\""));
        assert!("xml".parse::<Format>().unwrap_err().contains("xml"));
    }
}
