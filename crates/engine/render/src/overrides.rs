//! `.argocd-source.yaml` and `.argocd-source-<app>.yaml` in the application's folder.

use crate::error::RenderError;
use crate::request::Request;
use argosy_crds::Source;
use argosy_object::Value;
use argosy_tree::{RelPath, Rooted};

/// The source with the folder's overrides merged in: first the general file, then the
/// application's own. They are merge patches, so lists are replaced; repository, path, chart and
/// revision cannot be changed by them.
pub(crate) fn apply(
    reader: &Rooted<'_>,
    path: &RelPath,
    request: &Request,
) -> Result<Source, RenderError> {
    let files = [
        ".argocd-source.yaml".to_owned(),
        format!(".argocd-source-{}.yaml", request.app_name),
    ];
    let mut merged: Option<Value> = None;
    for name in files.iter().filter(|name| !name.contains('/')) {
        let file = path.child(name);
        let Some(bytes) = reader.try_read(&file)? else {
            continue;
        };
        let patch = argosy_yaml::from_slice_strict(file.as_str(), &bytes)?;
        let source = merged.get_or_insert_with(|| {
            serde_json::to_value(&request.source).expect("a source is plain data")
        });
        merge(source, &patch);
    }
    let Some(merged) = merged else {
        return Ok(request.source.clone());
    };
    let mut source: Source =
        serde_json::from_value(merged).map_err(|error| RenderError::Overrides {
            file: path.child(&files[0]).to_string(),
            reason: error.to_string(),
        })?;
    let own = &request.source;
    source.repo_url.clone_from(&own.repo_url);
    source.path.clone_from(&own.path);
    source.chart.clone_from(&own.chart);
    source.target_revision.clone_from(&own.target_revision);
    Ok(source)
}

fn merge(target: &mut Value, patch: &Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (key, value) in patch {
                if value.is_null() {
                    target.remove(key);
                } else {
                    merge(target.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        (target, patch) => *target = patch.clone(),
    }
}
