//! Labels and annotations on all objects.

use crate::config::merge_all;
use crate::error::KustomizeError;
use crate::fields::{self, Create, FieldSpec};
use crate::kustomization::{LabelEdit, Texts};
use crate::resmap::ResMap;
use argosy_object::Value;

/// Writes `texts` into the mappings that `specs` name.
pub(crate) fn write(
    map: &mut ResMap,
    texts: &Texts,
    specs: &[FieldSpec],
) -> Result<(), KustomizeError> {
    if texts.is_empty() {
        return Ok(());
    }
    let cost: usize = texts
        .iter()
        .map(|(name, text)| name.len() + text.len())
        .sum();
    for resource in &mut map.list {
        for spec in specs {
            map.budget.spend(cost)?;
            fields::each(
                &mut resource.value,
                spec,
                Create::Mapping,
                &mut |field| match field {
                    Value::Object(inner) => {
                        for (name, text) in texts {
                            inner.insert(name.clone(), text.clone().into());
                        }
                        Ok(())
                    }
                    _ => Err("wrong node kind: expected a mapping".to_owned()),
                },
            )?;
        }
    }
    Ok(())
}

/// The fields that one entry of `labels` writes.
pub(crate) fn specs_of(
    edit: &LabelEdit,
    config: &crate::config::Config,
) -> Result<Vec<FieldSpec>, KustomizeError> {
    let mut specs = edit.field_specs.clone();
    merge_all(&mut specs, config.labels.clone())?;
    if edit.include_selectors {
        merge_all(&mut specs, config.common_labels.clone())?;
        return Ok(specs);
    }
    if edit.include_templates {
        merge_all(&mut specs, config.template_labels.clone())?;
    }
    let own = FieldSpec {
        path: "metadata/labels".into(),
        create: true,
        ..FieldSpec::default()
    };
    merge_all(&mut specs, [own])?;
    Ok(specs)
}
