//! Replacements: a field of one object, or a fixed value, copied into fields of others.

use crate::budget::{Budget, size};
use crate::error::KustomizeError;
use crate::id::{ResId, scalar_text};
use crate::kustomization::{
    FieldOptions, ReplacementField, SourceSelector, TargetSelector, without_nulls,
};
use crate::load::Loader;
use crate::path::{self, Make};
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::selector::Selector;
use argosy_object::Value;

/// Applies `replacements`, those in files included.
pub(crate) fn apply(
    map: &mut ResMap,
    loader: &Loader<'_>,
    list: &[ReplacementField],
) -> Result<(), KustomizeError> {
    let mut all = Vec::new();
    for entry in list {
        if entry.path.is_empty() {
            all.push(entry.clone());
            continue;
        }
        let file = loader.full(&entry.path);
        if entry.source.is_some() || entry.targets.as_ref().is_some_and(|t| !t.is_empty()) {
            let text = "cannot specify both path and inline replacement";
            return Err(KustomizeError::invalid(file, text));
        }
        let limits = argosy_yaml::Limits::default();
        let dialect = argosy_yaml::Dialect::V2;
        let bytes = loader.read(&entry.path)?;
        let value = argosy_yaml::from_slice_with(&file, &bytes, &limits, dialect)?;
        let value = match without_nulls(value) {
            Value::Array(items) => Value::Array(items),
            other => Value::Array(vec![other]),
        };
        let read: Vec<ReplacementField> = serde_json::from_value(value)
            .map_err(|error| KustomizeError::invalid(&file, error.to_string()))?;
        all.extend(read);
    }
    for replacement in &all {
        one(map, replacement)?;
    }
    Ok(())
}

fn one(map: &mut ResMap, replacement: &ReplacementField) -> Result<(), KustomizeError> {
    let value = match (&replacement.source_value, &replacement.source) {
        (Some(_), Some(_)) => {
            let text = "value and resource selectors are mutually exclusive";
            return Err(KustomizeError::failed(text));
        }
        (Some(value), None) => Value::String(value.clone()),
        (None, Some(source)) => source_value(map, source)?,
        (None, None) => return Err(nothing_to_do()),
    };
    let targets = replacement.targets.as_ref().ok_or_else(nothing_to_do)?;
    targets
        .iter()
        .try_for_each(|target| write(map, target, &value))
}

fn nothing_to_do() -> KustomizeError {
    KustomizeError::failed("replacements must specify a source and at least one target")
}

/// All ids of an object, the current one first.
fn ids(resource: &Resource) -> Vec<ResId> {
    let mut ids = vec![resource.id()];
    ids.extend(resource.previous_ids());
    ids
}

fn source_value(map: &ResMap, source: &SourceSelector) -> Result<Value, KustomizeError> {
    let wanted = crate::id::Gvk::new(&source.group, &source.version, &source.kind);
    let namespace = |text: &str| if text.is_empty() { "default" } else { text }.to_owned();
    let fits = |id: &ResId| {
        (source.name.is_empty() || source.name == id.name)
            && (source.namespace.is_empty()
                || namespace(&source.namespace) == namespace(&id.namespace))
            && id.gvk.is_selected(&wanted)
    };
    let found: Vec<&Resource> = map
        .list
        .iter()
        .filter(|r| ids(r).iter().any(fits))
        .collect();
    let selector = ResId {
        gvk: wanted.clone(),
        name: source.name.clone(),
        namespace: source.namespace.clone(),
    };
    let resource = match found.as_slice() {
        [one] => one,
        [] => {
            return Err(KustomizeError::failed(format!(
                "nothing selected by {selector}"
            )));
        }
        _ => {
            return Err(KustomizeError::failed(format!(
                "multiple matches for selector {selector}"
            )));
        }
    };
    let field = if source.field_path.is_empty() {
        "metadata.name"
    } else {
        &source.field_path
    };
    let value = path::lookup(&resource.value, &path::split_dotted(field)).filter(|v| match v {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Object(map) => !map.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => true,
    });
    let Some(value) = value else {
        return Err(KustomizeError::failed(format!(
            "fieldPath `{field}` is missing for replacement source {selector}"
        )));
    };
    refined(value, source.options.as_ref())
}

fn refined(value: &Value, options: Option<&FieldOptions>) -> Result<Value, KustomizeError> {
    let Some(options) = options.filter(|o| !o.delimiter.is_empty()) else {
        return Ok(value.clone());
    };
    if value.is_object() || value.is_array() {
        return Err(KustomizeError::failed(
            "delimiter option can only be used with scalar nodes",
        ));
    }
    let text = scalar_text(value);
    let part = usize::try_from(options.index)
        .ok()
        .and_then(|i| text.split(&options.delimiter).nth(i));
    part.map(|p| Value::String(p.to_owned())).ok_or_else(|| {
        KustomizeError::failed(format!(
            "options.index {} is out of bounds for value {text}",
            options.index
        ))
    })
}

fn write(map: &mut ResMap, target: &TargetSelector, value: &Value) -> Result<(), KustomizeError> {
    let Some(select) = &target.select else {
        return Err(KustomizeError::failed(
            "target must specify resources to select",
        ));
    };
    let select = Selector::new(select)?;
    let rejects = target
        .reject
        .iter()
        .map(Selector::new)
        .collect::<Result<Vec<Selector>, _>>()?;
    let fits = |selector: &Selector, id: &ResId| {
        selector.fits_gvk(&id.gvk)
            && selector.fits_name(&id.name)
            && selector.fits_namespace(&id.namespace)
    };
    let default = ["metadata.name".to_owned()];
    let paths = if target.field_paths.is_empty() {
        &default[..]
    } else {
        &target.field_paths
    };
    let cost = size(value);
    for resource in &mut map.list {
        let ids = ids(resource);
        let rejected = rejects.iter().any(|reject| {
            (!reject.has_no_texts() && reject.fits_texts(resource))
                || (!reject.has_no_id() && ids.iter().any(|id| fits(reject, id)))
        });
        if rejected || !select.fits_texts(resource) || !ids.iter().any(|id| fits(&select, id)) {
            continue;
        }
        for path in paths {
            let paste = Paste {
                value,
                options: target.options.as_ref(),
                cost,
            };
            paste.write(&mut resource.value, path, &map.budget)?;
        }
    }
    Ok(())
}

/// A value on its way into fields.
struct Paste<'a> {
    value: &'a Value,
    options: Option<&'a FieldOptions>,
    cost: usize,
}

impl Paste<'_> {
    fn write(
        &self,
        target: &mut Value,
        field: &str,
        budget: &Budget,
    ) -> Result<(), KustomizeError> {
        let (value, options) = (self.value, self.options);
        let creates = options.is_some_and(|o| o.create);
        let make = match value {
            _ if !creates => Make::Nothing,
            Value::Object(_) => Make::Mapping,
            Value::Array(_) => Make::List,
            _ => Make::Scalar,
        };
        let verb = if creates { "find or create" } else { "find" };
        let problem = format!("unable to {verb} field {field:?} in replacement target");
        let found = path::each(target, &path::split_dotted(field), make, &mut |at| {
            budget.spend(self.cost).map_err(|error| error.to_string())?;
            put(at, value, options)
        });
        match found {
            Ok(0) => Err(KustomizeError::failed(problem)),
            Ok(_) => Ok(()),
            Err(error) => Err(KustomizeError::failed(format!("{problem}: {error}"))),
        }
    }
}

/// A text where a number or boolean stands.
pub(crate) const MISFIT: &str = "a text cannot take the place of a number or boolean";

fn put(at: &mut Value, value: &Value, options: Option<&FieldOptions>) -> Result<(), String> {
    let mut value = value.clone();
    if let Some(options) = options.filter(|o| !o.delimiter.is_empty()) {
        if at.is_object() || at.is_array() {
            return Err("delimiter option can only be used with scalar nodes".to_owned());
        }
        let old = scalar_text(at);
        let mut parts: Vec<String> = old.split(&options.delimiter).map(str::to_owned).collect();
        let new = scalar_text(&value);
        match usize::try_from(options.index) {
            Err(_) => parts.insert(0, new),
            Ok(index) if index >= parts.len() => parts.push(new),
            Ok(index) => parts[index] = new,
        }
        value = Value::String(parts.join(&options.delimiter));
    }
    // A scalar keeps its own type where the text allows it.
    *at = match (&*at, &value) {
        (Value::String(_), new) if !new.is_object() && !new.is_array() => {
            Value::String(scalar_text(new))
        }
        (Value::Null, Value::String(text)) => plain(text),
        (Value::Number(_) | Value::Bool(_), Value::String(text)) => match plain(text) {
            typed @ (Value::Number(_) | Value::Bool(_)) => typed,
            _ => return Err(format!("{MISFIT}: `{text}`")),
        },
        _ => value,
    };
    Ok(())
}

/// A text as it reads when it is written plainly.
fn plain(text: &str) -> Value {
    let limits = argosy_yaml::Limits::default();
    let dialect = argosy_yaml::Dialect::V3;
    match argosy_yaml::from_slice_with("", text.as_bytes(), &limits, dialect) {
        Ok(typed @ (Value::Number(_) | Value::Bool(_))) => typed,
        _ => Value::String(text.to_owned()),
    }
}
