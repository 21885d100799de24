//! A release shown by a template of the user's (`helm get all --template`).

use std::sync::Arc;

use argosy_gotmpl::{FixedEnv, FuncTable, Limits, SetBuilder, Value};
use argosy_object::{Value as Json, json};

use super::record::{HookRecord, Release};
use crate::error::HelmError;

/// Renders a Go template over `.Release`, with Go's own functions.
///
/// Compat: the fields that Go's release has, so far as they are recorded; of the chart, metadata and
/// values. A field that is not there is `<no value>`, not an error.
///
/// # Errors
/// Go's words.
pub fn show_by_template(release: &Release, template: &str) -> Result<String, HelmError> {
    const NAME: &str = "_";
    let failed = |text: &str| HelmError::Values(text.to_owned());
    let mut builder = SetBuilder::new(NAME, Arc::new(FuncTable::new()));
    builder
        .add(NAME, template)
        .map_err(|error| failed(&error.text))?;
    let data = Value::from_json(&json!({"Release": fields(release)}));
    let (mut out, limits) = (Vec::new(), Limits::default());
    builder
        .build()
        .execute(NAME, &data, &mut FixedEnv::default(), &limits, &mut out)
        .map_err(|error| failed(&error.text))?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn fields(release: &Release) -> Json {
    let info = &release.info;
    let time = |stamp: &Option<super::Stamp>| stamp.as_ref().map(ToString::to_string);
    let metadata = release.chart["metadata"].as_object();
    let metadata: serde_json::Map<String, Json> = metadata
        .into_iter()
        .flatten()
        .map(|(name, value)| (go_name(name), value.clone()))
        .collect();
    json!({
        "Name": release.name,
        "Namespace": release.namespace,
        "Version": release.version,
        "Manifest": release.manifest,
        "Config": release.config,
        "Labels": release.labels,
        "ApplyMethod": release.apply_method,
        "Info": {
            "FirstDeployed": time(&info.first_deployed),
            "LastDeployed": time(&info.last_deployed),
            "Deleted": time(&info.deleted),
            "Description": info.description,
            "Status": info.status.as_str(),
            "Notes": info.notes,
        },
        "Chart": {"Metadata": metadata, "Values": release.chart["values"]},
        "Hooks": release.hooks.iter().map(hook).collect::<Vec<Json>>(),
    })
}

fn hook(hook: &HookRecord) -> Json {
    json!({
        "Name": hook.name,
        "Kind": hook.kind,
        "Path": hook.path,
        "Manifest": hook.manifest,
        "Weight": hook.weight,
    })
}

/// `apiVersion` is the field `APIVersion` in Go, others begin with a capital.
fn go_name(name: &str) -> String {
    if name == "apiVersion" {
        return "APIVersion".to_owned();
    }
    let mut rest = name.chars();
    let first = rest.next().map(|unit| unit.to_ascii_uppercase());
    first.into_iter().chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::Status;

    #[test]
    fn fields_have_gos_names() {
        let mut release = Release {
            name: "web".to_owned(),
            version: 3,
            chart: json!({"metadata": {"name": "shop", "appVersion": "1.2"}, "values": {"a": 1}}),
            ..Release::default()
        };
        release.info.status = Status::Deployed;
        let shown = |template: &str| show_by_template(&release, template);
        assert_eq!(
            shown(
                "{{.Release.Name}} v{{.Release.Version}} {{.Release.Info.Status}} \
                 {{.Release.Chart.Metadata.AppVersion}} {{.Release.Chart.Values.a}}"
            ),
            Ok("web v3 deployed 1.2 1".to_owned())
        );
        let error = shown("{{ upper 1 }}").expect_err("Go has no such function");
        assert_eq!(
            error.to_string(),
            "template: _:1: function \"upper\" not defined"
        );
    }
}
