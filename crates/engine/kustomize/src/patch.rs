//! Patches: strategic merge and JSON 6902, by id or by target.

use crate::budget::size;
use crate::error::KustomizeError;
use crate::id::Gvk;
use crate::kustomization::{PatchEdit, TargetEdit};
use crate::load::{Loader, parse_resources};
use crate::merge::{MergeSchema, merge};
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::selector::Selector;
use argosy_object::Value;
use argosy_schema::json_patch;
use argosy_yaml::{Dialect, Limits};

/// One entry of `patches`.
pub(crate) fn apply_patch(
    map: &mut ResMap,
    loader: &Loader<'_>,
    schema: &MergeSchema,
    edit: &PatchEdit,
) -> Result<(), KustomizeError> {
    let inline = edit.patch.trim();
    let file = loader.root.to_string();
    let (text, source, name) = match (inline.is_empty(), edit.path.is_empty()) {
        (true, true) => {
            return Err(KustomizeError::invalid(
                file,
                "must specify one of patch and path",
            ));
        }
        (false, false) => {
            return Err(KustomizeError::invalid(
                file,
                "patch and path can't be set at the same time",
            ));
        }
        (false, true) => (
            inline.as_bytes().to_vec(),
            format!("[patch: {inline:?}]"),
            file.clone(),
        ),
        (true, false) => {
            let bytes = loader.read(&edit.path)?;
            (
                bytes,
                format!("[path: {:?}]", edit.path),
                loader.full(&edit.path),
            )
        }
    };
    let strategic = parse_resources(&name, &text);
    let operations = operations(&name, &text);
    match (strategic, operations) {
        (Ok(patches), Ok(operations)) if !patches.is_empty() && !operations.is_empty() => {
            let text = format!("illegally qualifies as both an SM and JSON patch: {source}");
            Err(KustomizeError::invalid(file, text))
        }
        (Ok(patches), _) => {
            let flag = |name: &str| {
                edit.options
                    .as_ref()
                    .and_then(|o| o.get(name))
                    .is_some_and(|flag| *flag)
            };
            let patches = patches.into_iter().map(|mut patch| {
                patch.allow_name_change = flag("allowNameChange");
                patch.allow_kind_change = flag("allowKindChange");
                patch
            });
            strategic_merge(
                map,
                schema,
                patches.collect(),
                edit.target.as_ref(),
                &source,
            )
        }
        (Err(_), Ok(operations)) => {
            let Some(target) = &edit.target else {
                let text = format!("must specify a target for JSON patch {source}");
                return Err(KustomizeError::invalid(file, text));
            };
            json(map, target, &operations, true)
        }
        (Err(error), Err(_)) => {
            let text = format!("unable to parse SM or JSON patch from {source}: {error}");
            Err(KustomizeError::invalid(file, text))
        }
    }
}

/// One entry of `patchesJson6902`.
pub(crate) fn apply_json(
    map: &mut ResMap,
    loader: &Loader<'_>,
    edit: &PatchEdit,
) -> Result<(), KustomizeError> {
    let file = loader.root.to_string();
    let text = match (edit.patch.is_empty(), edit.path.is_empty()) {
        (true, true) => {
            return Err(KustomizeError::invalid(
                file,
                "empty file path and empty jsonOp",
            ));
        }
        (false, false) => {
            return Err(KustomizeError::invalid(
                file,
                "must specify a file path or jsonOp, not both",
            ));
        }
        (false, true) => edit.patch.clone().into_bytes(),
        (true, false) => loader.read(&edit.path)?,
    };
    let Some(target) = edit.target.as_ref() else {
        return Err(KustomizeError::invalid(
            file,
            "must specify a target for a JSON patch",
        ));
    };
    let operations = operations(&file, &text)?;
    if operations.is_empty() {
        return Err(KustomizeError::invalid(file, "patch appears to be empty"));
    }
    json(map, target, &operations, false)
}

/// `patchesStrategicMerge`: each a file, or the patch itself.
pub(crate) fn apply_strategic(
    map: &mut ResMap,
    loader: &Loader<'_>,
    schema: &MergeSchema,
    paths: &[String],
) -> Result<(), KustomizeError> {
    let mut patches = Vec::new();
    for path in paths {
        match parse_resources(&loader.root.to_string(), path.as_bytes()) {
            Ok(inline) => patches.extend(inline),
            Err(_) => patches.extend(loader.resources(path)?),
        }
    }
    if patches.is_empty() {
        let text = format!("patch appears to be empty; files={paths:?}");
        return Err(KustomizeError::invalid(&loader.root, text));
    }
    strategic_merge(map, schema, patches, None, "")
}

fn operations(file: &str, text: &[u8]) -> Result<Vec<Value>, KustomizeError> {
    let limits = Limits::default();
    match argosy_yaml::from_slice_with(file, text, &limits, Dialect::V2)? {
        Value::Array(operations) if operations.iter().all(Value::is_object) => Ok(operations),
        _ => Err(KustomizeError::invalid(
            file,
            "a JSON patch is a list of operations",
        )),
    }
}

fn json(
    map: &mut ResMap,
    target: &TargetEdit,
    operations: &[Value],
    remember: bool,
) -> Result<(), KustomizeError> {
    let selector = Selector::new(target)?;
    let operations = Value::Array(operations.to_vec());
    let cost = size(&operations);
    for resource in map.list.iter_mut().filter(|r| selector.selects(r)) {
        if remember {
            resource.remember_id();
        }
        map.budget.spend(cost)?;
        resource.value = json_patch(&resource.value, &operations)?;
    }
    Ok(())
}

fn strategic_merge(
    map: &mut ResMap,
    schema: &MergeSchema,
    patches: Vec<Resource>,
    target: Option<&TargetEdit>,
    source: &str,
) -> Result<(), KustomizeError> {
    let Some(target) = target else {
        for patch in &patches {
            let at = map.target_of(&patch.id()).map_err(|error| match source {
                "" => error,
                _ => KustomizeError::failed(format!(
                    "no resource matches strategic merge patch {:?}: {error}",
                    patch.id().to_string()
                )),
            })?;
            merge_into(&mut map.list[at], schema, patch)?;
        }
        map.list.retain(|r| !r.is_empty());
        return map.check_unique("patching");
    };
    let [patch] = patches.as_slice() else {
        if patches.is_empty() {
            return Ok(());
        }
        return Err(KustomizeError::failed(format!(
            "Multiple Strategic-Merge Patches in one `patches` entry is not allowed to set \
             `patches.target` field: {source}"
        )));
    };
    let selector = Selector::new(target)?;
    let cost = size(&patch.value);
    for resource in map.list.iter_mut().filter(|r| selector.selects(r)) {
        map.budget.spend(cost)?;
        let mut patch = patch.clone();
        let kind = patch.gvk().kind;
        let gvk = Gvk {
            kind,
            ..resource.gvk()
        };
        set_gvk(&mut patch.value, &gvk);
        merge_into(resource, schema, &patch)?;
    }
    map.list.retain(|r| !r.is_empty());
    map.check_unique("patching")
}

fn set_gvk(value: &mut Value, gvk: &Gvk) {
    if let Value::Object(map) = value {
        map.insert("apiVersion".into(), gvk.api_version().into());
        map.insert("kind".into(), gvk.kind.clone().into());
    }
}

/// Applies a patch to one object, which keeps its name, kind and namespace unless the patch is
/// allowed to change them.
fn merge_into(
    resource: &mut Resource,
    schema: &MergeSchema,
    patch: &Resource,
) -> Result<(), KustomizeError> {
    let (name, namespace, kind) = (resource.name(), resource.namespace(), resource.gvk().kind);
    if patch.allow_name_change || patch.allow_kind_change {
        resource.remember_id();
    }
    let target = std::mem::take(&mut resource.value);
    match merge(schema, target, &patch.value)? {
        None => return Ok(()),
        Some(Value::Object(map)) if map.is_empty() => return Ok(()),
        Some(merged) => resource.value = merged,
    }
    if !patch.allow_kind_change
        && let Value::Object(map) = &mut resource.value
    {
        map.insert("kind".into(), kind.into());
    }
    if !patch.allow_name_change {
        resource.set_name(&name);
    }
    resource.set_namespace(&namespace);
    Ok(())
}
