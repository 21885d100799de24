//! Images and replica counts.

use crate::error::KustomizeError;
use crate::fields::{self, Create, FieldSpec};
use crate::id::text;
use crate::kustomization::{ImageEdit, ReplicaEdit};
use crate::resmap::ResMap;
use crate::selector::pattern_of;
use argosy_object::Value;
use regex_automata::meta::Regex;

/// Changes an image wherever it is used: in the fields of `specs`, and in every list called
/// `containers` or `initContainers`.
pub(crate) fn set_image(
    map: &mut ResMap,
    edit: &ImageEdit,
    specs: &[FieldSpec],
) -> Result<(), KustomizeError> {
    let pattern = format!(
        "^{}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$",
        edit.name
    );
    let pattern = pattern_of(&pattern)?;
    for resource in &mut map.list {
        if text(&resource.value, "kind") == "CustomResourceDefinition" {
            continue;
        }
        map.budget
            .spend(edit.new_name.len() + edit.new_tag.len() + edit.digest.len())?;
        containers(&mut resource.value, &pattern, edit);
        for spec in specs {
            // Upstream says `create` and makes nothing.
            fields::each(&mut resource.value, spec, Create::Never, &mut |field| {
                if field.is_object() || field.is_array() {
                    return Err("wrong node kind: expected a scalar".to_owned());
                }
                update(field, &pattern, edit);
                Ok(())
            })?;
        }
    }
    Ok(())
}

fn containers(value: &mut Value, pattern: &Regex, edit: &ImageEdit) {
    match value {
        Value::Object(map) => {
            for (name, inner) in map.iter_mut() {
                containers(inner, pattern, edit);
                if let ("containers" | "initContainers", Value::Array(items)) =
                    (name.as_str(), inner)
                {
                    for image in items.iter_mut().filter_map(|i| i.get_mut("image")) {
                        update(image, pattern, edit);
                    }
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|i| containers(i, pattern, edit)),
        _ => {}
    }
}

fn update(field: &mut Value, pattern: &Regex, edit: &ImageEdit) {
    let Some(image) = field.as_str().filter(|i| pattern.is_match(*i)) else {
        return;
    };
    let (name, tag, digest) = split(image);
    let (tag, digest) = match (edit.new_tag.as_str(), edit.digest.as_str()) {
        ("", "") if !edit.tag_suffix.is_empty() => {
            (format!("{tag}{}", edit.tag_suffix), String::new())
        }
        ("", "") => (tag.to_owned(), digest.to_owned()),
        (tag, digest) => (tag.to_owned(), digest.to_owned()),
    };
    let mut new = if edit.new_name.is_empty() {
        name
    } else {
        &edit.new_name
    }
    .to_owned();
    if !tag.is_empty() {
        new.push_str(&format!(":{tag}"));
    }
    if !digest.is_empty() {
        new.push_str(&format!("@{digest}"));
    }
    *field = Value::String(new);
}

/// Name, tag and digest of an image; a port in its first part is no tag.
pub(crate) fn split(image: &str) -> (&str, &str, &str) {
    let from = image.find('/').filter(|at| *at > 0).unwrap_or(0);
    let at = image[from..].find('@').map(|i| i + from);
    let colon = image[from..].find(':').map(|i| i + from);
    match (colon, at) {
        (None, None) => (image, "", ""),
        (Some(c), Some(a)) if c < a => (&image[..c], &image[c + 1..a], &image[a + 1..]),
        (_, Some(a)) => (&image[..a], "", &image[a + 1..]),
        (Some(c), None) => (&image[..c], &image[c + 1..], ""),
    }
}

/// Sets how many replicas a workload has.
pub(crate) fn set_replicas(
    map: &mut ResMap,
    edit: &ReplicaEdit,
    specs: &[FieldSpec],
) -> Result<(), KustomizeError> {
    let mut found = false;
    for spec in specs {
        let gvk = spec.gvk();
        for at in map.by_any_id(|id| id.name == edit.name && id.gvk.is_selected(&gvk)) {
            found = true;
            fields::each(
                &mut map.list[at].value,
                spec,
                Create::Number,
                &mut |field| {
                    *field = edit.count.into();
                    Ok(())
                },
            )?;
        }
    }
    if found {
        return Ok(());
    }
    let kinds: Vec<String> = specs.iter().map(|s| s.gvk().to_string()).collect();
    Err(KustomizeError::failed(format!(
        "resource with name {} does not match a config with the following GVK [{}]",
        edit.name,
        kinds.join(" ")
    )))
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn ports_are_no_tags() {
        assert_eq!(
            split("host:5000/a/b:1@sha256:x"),
            ("host:5000/a/b", "1", "sha256:x")
        );
        assert_eq!(split("nginx@sha256:x"), ("nginx", "", "sha256:x"));
        assert_eq!(split("nginx:1.2"), ("nginx", "1.2", ""));
        assert_eq!(split("a/b"), ("a/b", "", ""));
    }
}
