//! CustomResourceDefinitions: defaults and the checks without which the engine could not serve
//! them. Conditions and serving are the engine's.
//!
//! Compat: `k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/{v1/defaults.go,validation}`.

use crate::hooks::fields::{at, default, default_text, int, is_true, list, list_mut, map, text};
use crate::hooks::names;
use crate::{ApiError, DeletePlan, FieldError, HookCx, KindHook};
use argosy_object::{Gvk, Object, Value, json, meta};
use std::collections::HashSet;

/// `apiextensions.k8s.io/v1` CustomResourceDefinition.
#[derive(Clone, Copy, Debug)]
pub struct Definition;

/// Deepest schema that is looked into.
const MAX_DEPTH: usize = 64;

impl KindHook for Definition {
    fn default(&self, _cx: &HookCx<'_>, new: &mut Value, _old: Option<&Value>) {
        let mut spec = Value::Object(std::mem::take(map(new, "spec")));
        if let Some(names) = spec.get_mut("names").filter(|n| n.is_object()) {
            let kind = text(names, "/kind").to_owned();
            if !kind.is_empty() {
                default_text(names, "singular", &kind.to_lowercase());
                default_text(names, "listKind", &format!("{kind}List"));
            }
        }
        let conversion = Value::Object(std::mem::take(map(&mut spec, "conversion")));
        let mut conversion = conversion;
        default_text(&mut conversion, "strategy", "None");
        if let Some(service) = conversion.pointer_mut("/webhook/clientConfig/service") {
            default(service, "port", 443);
        }
        spec["conversion"] = conversion;
        for version in list_mut(&mut spec, "/versions") {
            for column in list_mut(version, "/additionalPrinterColumns") {
                if let Value::Object(column) = column
                    && column.get("priority").and_then(Value::as_i64) == Some(0)
                {
                    column.remove("priority");
                }
            }
        }
        new["spec"] = spec;
    }

    fn prepare_create(&self, _cx: &HookCx<'_>, new: &mut Value) -> Result<(), ApiError> {
        let stored: Vec<Value> = list(new, "/spec/versions")
            .iter()
            .filter(|v| is_true(v, "/storage"))
            .map(|v| at(v, "/name"))
            .take(1)
            .collect();
        new["status"] = json!({
            "conditions": [],
            "acceptedNames": {"plural": "", "kind": ""},
            "storedVersions": stored,
        });
        Ok(())
    }

    fn prepare_update(
        &self,
        cx: &HookCx<'_>,
        new: &mut Value,
        _old: &Value,
    ) -> Result<(), ApiError> {
        if cx.info.subresource == "status" {
            return Ok(());
        }
        let storage = list(new, "/spec/versions")
            .iter()
            .find(|v| is_true(v, "/storage"))
            .map(|v| at(v, "/name"));
        if let Some(storage) = storage {
            let status = map(new, "status");
            let stored = status.entry("storedVersions").or_insert_with(|| json!([]));
            if let Value::Array(stored) = stored
                && !stored.contains(&storage)
            {
                stored.push(storage);
            }
        }
        Ok(())
    }

    fn prepare_delete(
        &self,
        _cx: &HookCx<'_>,
        object: &mut Value,
        _grace: Option<i64>,
    ) -> Result<DeletePlan, ApiError> {
        if meta(object, "deletionTimestamp").is_empty() {
            crate::crd::hold(object);
        }
        Ok(DeletePlan::default())
    }

    fn validate(&self, cx: &HookCx<'_>, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if !cx.info.subresource.is_empty() {
            return errors;
        }
        validate_names(new, old.is_none(), &mut errors);
        let versions = list(new, "/spec/versions");
        if versions.is_empty() {
            errors.push(FieldError::required("spec.versions", ""));
        }
        let storage = versions.iter().filter(|v| is_true(v, "/storage")).count();
        let mut seen = HashSet::new();
        for (index, version) in versions.iter().enumerate() {
            let field = format!("spec.versions[{index}]");
            let name = text(version, "/name");
            names::check(
                &mut errors,
                &format!("{field}.name"),
                name,
                names::label_1035(name),
            );
            if !seen.insert(name) {
                let said = "must contain unique version names";
                errors.push(FieldError::invalid(
                    "spec.versions",
                    at(new, "/spec/versions"),
                    said,
                ));
            }
            // One schema for all versions is the definition's own, and is called so.
            let missing = |v: &Value| v.pointer("/schema/openAPIV3Schema").is_none();
            let schema = if !missing(version)
                && versions
                    .iter()
                    .all(|v| v.get("schema") == version.get("schema"))
            {
                "spec.validation.openAPIV3Schema".to_owned()
            } else {
                format!("{field}.schema.openAPIV3Schema")
            };
            if index == 0 || !schema.starts_with("spec.validation") {
                validate_version_schema(version, &field, &schema, &mut errors);
            }
            validate_version(version, &field, &mut errors);
        }
        let single = versions.len() == 1;
        for (index, version) in versions.iter().enumerate() {
            let place = if single {
                "spec".to_owned()
            } else {
                format!("spec.versions[{index}]")
            };
            validate_selectable(version, &place, &mut errors);
        }
        if storage != 1 {
            let said = "must have exactly one version marked as storage version";
            let shown: Vec<String> = versions.iter().map(internal_version).collect();
            let shown = format!("[{}]", shown.join(","));
            errors.push(FieldError::invalid_as("spec.versions", &shown, said));
        }
        validate_stored(new, versions, &mut errors);
        if let Some(old) = old {
            for field in [
                "/spec/scope",
                "/spec/group",
                "/spec/names/plural",
                "/spec/names/kind",
            ] {
                let (was, is) = (text(old, field), text(new, field));
                let established = list(old, "/status/conditions")
                    .iter()
                    .any(|c| text(c, "/type") == "Established" && text(c, "/status") == "True");
                let always = !field.contains("kind") && !field.contains("scope");
                if was != is && (established || always) {
                    let path = field[1..].replace('/', ".");
                    errors.push(FieldError::invalid(&path, is, "field is immutable"));
                }
            }
        }
        errors
    }
}

/// Selectable fields must be properties of the schema.
fn validate_selectable(version: &Value, place: &str, errors: &mut Vec<FieldError>) {
    let schema = at(version, "/schema/openAPIV3Schema");
    for (index, field) in list(version, "/selectableFields").iter().enumerate() {
        let path = text(field, "/jsonPath");
        let mut node = Some(&schema);
        for part in path.split('.').filter(|part| !part.is_empty()) {
            node = node
                .and_then(|node| node.get("properties"))
                .and_then(|properties| properties.get(part));
        }
        if node.is_none() {
            errors.push(FieldError::invalid(
                &format!("{place}.selectableFields[{index}].jsonPath"),
                path,
                "is an invalid path: does not refer to a valid field",
            ));
        }
    }
}

/// The stored versions and those there are must go together.
fn validate_stored(new: &Value, versions: &[Value], errors: &mut Vec<FieldError>) {
    const FIELD: &str = "status.storedVersions";
    let stored = list(new, "/status/storedVersions");
    if stored.is_empty() {
        let said = "must have at least one stored version";
        errors.push(FieldError::invalid(FIELD, Value::Null, said));
        return;
    }
    let shown = || Value::from(stored.to_vec());
    for version in versions.iter().filter(|v| is_true(v, "/storage")) {
        if !stored.contains(&at(version, "/name")) {
            let said = format!("must have the storage version {}", text(version, "/name"));
            errors.push(FieldError::invalid(FIELD, shown(), &said));
        }
    }
    for (index, name) in stored.iter().enumerate() {
        if !versions.iter().any(|v| at(v, "/name") == *name) {
            let said = "missing from spec.versions; v1 was previously a storage version, and must \
                        remain in spec.versions until a storage migration ensures no data remains \
                        persisted in v1 and removes v1 from status.storedVersions";
            let said = said.replace("v1", name.as_str().unwrap_or_default());
            errors.push(FieldError::invalid(
                &format!("{FIELD}[{index}]"),
                name.clone(),
                &said,
            ));
        }
    }
}

/// A version as upstream prints its internal type; parts that are there are only hinted at.
fn internal_version(version: &Value) -> String {
    let part = |name: &str| match version.get(name) {
        None | Some(Value::Null) => "null".to_owned(),
        Some(value) => value.to_string(),
    };
    format!(
        "{{\"Name\":{},\"Served\":{},\"Storage\":{},\"Deprecated\":{},\"DeprecationWarning\":{},\
         \"Schema\":{},\"Subresources\":{},\"AdditionalPrinterColumns\":{},\"SelectableFields\":{}}}",
        at(version, "/name"),
        is_true(version, "/served"),
        is_true(version, "/storage"),
        is_true(version, "/deprecated"),
        part("deprecationWarning"),
        part("schema"),
        part("subresources"),
        part("additionalPrinterColumns"),
        part("selectableFields"),
    )
}

fn validate_names(new: &Value, is_new: bool, errors: &mut Vec<FieldError>) {
    let (group, plural) = (text(new, "/spec/group"), text(new, "/spec/names/plural"));
    let required = format!("{plural}.{group}");
    let name = meta(new, "name");
    if is_new && name != required {
        let said = format!("must be spec.names.plural+\".\"+spec.group");
        errors.push(FieldError::invalid("metadata.name", name, &said));
    }
    if group.is_empty() {
        errors.push(FieldError::required("spec.group", ""));
    } else {
        names::check(errors, "spec.group", group, names::subdomain(group));
        if !group.contains('.') {
            let said = "should be a domain with at least one dot";
            errors.push(FieldError::invalid("spec.group", group, said));
        }
    }
    let scope = text(new, "/spec/scope");
    let known = ["Cluster", "Namespaced"];
    if scope.is_empty() {
        errors.push(FieldError::required("spec.scope", ""));
    } else if !known.contains(&scope) {
        errors.push(FieldError::not_supported("spec.scope", scope, &known));
    }
    for (field, lower) in [
        ("plural", false),
        ("singular", false),
        ("kind", true),
        ("listKind", true),
    ] {
        let path = format!("spec.names.{field}");
        let value = text(new, &format!("/spec/names/{field}"));
        if value.is_empty() {
            errors.push(FieldError::required(&path, ""));
            continue;
        }
        let checked = if lower {
            value.to_lowercase()
        } else {
            value.to_owned()
        };
        names::check(errors, &path, value, names::label_1035(&checked));
    }
    if text(new, "/spec/names/kind") == text(new, "/spec/names/listKind")
        && !text(new, "/spec/names/kind").is_empty()
    {
        let said = "kind and listKind may not be the same";
        errors.push(FieldError::invalid(
            "spec.names.listKind",
            text(new, "/spec/names/listKind"),
            said,
        ));
    }
    for (index, short) in list(new, "/spec/names/shortNames").iter().enumerate() {
        let short = short.as_str().unwrap_or("");
        let path = format!("spec.names.shortNames[{index}]");
        names::check(errors, &path, short, names::label_1035(short));
    }
}

fn validate_version_schema(version: &Value, field: &str, path: &str, errors: &mut Vec<FieldError>) {
    let Some(schema) = version
        .pointer("/schema/openAPIV3Schema")
        .filter(|s| s.is_object())
    else {
        errors.push(FieldError::required(
            &format!("{field}.schema.openAPIV3Schema"),
            "",
        ));
        return;
    };
    let kind = text(schema, "/type");
    if kind.is_empty() {
        let said = "must not be empty at the root";
        errors.push(FieldError::required(&format!("{path}.type"), said));
    } else if kind != "object" {
        let said = "must be object at the root";
        errors.push(FieldError::invalid(&format!("{path}.type"), kind, said));
    }
    validate_schema(schema, path, 0, errors);
}

fn validate_version(version: &Value, field: &str, errors: &mut Vec<FieldError>) {
    for (index, column) in list(version, "/additionalPrinterColumns")
        .iter()
        .enumerate()
    {
        let field = format!("{field}.additionalPrinterColumns[{index}]");
        for part in ["name", "type", "jsonPath"] {
            if text(column, &format!("/{part}")).is_empty() {
                errors.push(FieldError::required(&format!("{field}.{part}"), ""));
            }
        }
        let kind = text(column, "/type");
        let known = ["boolean", "date", "integer", "number", "string"];
        if !kind.is_empty() && !known.contains(&kind) {
            errors.push(FieldError::invalid(
                &format!("{field}.type"),
                kind,
                "must be one of boolean,date,integer,number,string",
            ));
        }
    }
    if let Some(scale) = version
        .pointer("/subresources/scale")
        .filter(|s| s.is_object())
    {
        for (part, prefix) in [
            ("specReplicasPath", ".spec."),
            ("statusReplicasPath", ".status."),
        ] {
            let value = text(scale, &format!("/{part}"));
            let field = format!("{field}.subresources.scale.{part}");
            if value.is_empty() {
                errors.push(FieldError::required(&field, ""));
            } else if !value.starts_with(prefix) {
                let said = format!(
                    "should be a json path under {}",
                    prefix.trim_end_matches('.')
                );
                errors.push(FieldError::invalid(&field, value, &said));
            }
        }
    }
}

/// A default must be a value of its own schema.
fn validate_default(schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let Some(default) = schema.get("default").filter(|d| !d.is_null()) else {
        return;
    };
    let mut bare = schema.clone();
    if let Value::Object(bare) = &mut bare {
        bare.remove("default");
    }
    let crd = json!({"metadata": {"name": "xs.x.x"}, "spec": {"group": "x.x", "scope": "Cluster",
        "names": {"plural": "xs", "kind": "X"},
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema":
            {"type": "object", "properties": {"x": bare}}}}]}});
    let schemas = argosy_schema::Schemas::builtin().with_crds(&[Object::from_trusted(crd)]);
    let Some(kind) = schemas.kind(&Gvk::new("x.x", "v1", "X")) else {
        return;
    };
    for mut error in argosy_schema::validate(kind, &json!({"x": default}), None) {
        let Some(rest) = error.path.strip_prefix('x') else {
            continue;
        };
        let inner = rest.trim_start_matches('.').to_owned();
        error.message = error.message.replacen(
            &format!(": {} in body", error.path),
            &format!(": {inner} in body"),
            1,
        );
        error.path = format!("{path}.default{rest}");
        errors.push(FieldError::from_schema(error));
    }
}

/// The rules of structural schemas that keep pruning and defaulting well defined.
fn validate_schema(schema: &Value, path: &str, depth: usize, errors: &mut Vec<FieldError>) {
    if depth > MAX_DEPTH {
        errors.push(FieldError::forbidden(
            path,
            "the schema is nested too deeply",
        ));
        return;
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    let additional = schema.get("additionalProperties").filter(|a| !a.is_null());
    for (name, property) in properties.into_iter().flatten() {
        validate_schema(
            property,
            &format!("{path}.properties[{name}]"),
            depth + 1,
            errors,
        );
    }
    if let Some(items) = schema.get("items").filter(|i| i.is_object()) {
        validate_schema(items, &format!("{path}.items"), depth + 1, errors);
    }
    if let Some(values) = additional.filter(|a| a.is_object()) {
        validate_schema(
            values,
            &format!("{path}.additionalProperties"),
            depth + 1,
            errors,
        );
    }
    let free = is_true(schema, "/x-kubernetes-int-or-string")
        || is_true(schema, "/x-kubernetes-preserve-unknown-fields");
    if text(schema, "/type").is_empty() && !free && depth > 0 {
        let said = "must not be empty for specified object fields";
        errors.push(FieldError::required(&format!("{path}.type"), said));
    }
    validate_default(schema, path, errors);
    let kind = text(schema, "/type");
    let known = [
        "", "array", "boolean", "integer", "number", "object", "string",
    ];
    if !known.contains(&kind) {
        errors.push(FieldError::not_supported(
            &format!("{path}.type"),
            kind,
            &known[1..],
        ));
    }
    for field in [
        "definitions",
        "dependencies",
        "patternProperties",
        "$ref",
        "id",
    ] {
        if schema.get(field).is_some_and(|v| !v.is_null()) {
            errors.push(FieldError::forbidden(
                &format!("{path}.{field}"),
                &format!("{field} is not supported"),
            ));
        }
    }
    if is_true(schema, "/uniqueItems") {
        let said =
            "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        errors.push(FieldError::forbidden(&format!("{path}.uniqueItems"), said));
    }
    if properties.is_some_and(|p| !p.is_empty()) && additional.is_some() {
        let said = "additionalProperties and properties are mutual exclusive";
        errors.push(FieldError::forbidden(
            &format!("{path}.additionalProperties"),
            said,
        ));
    }
    if additional == Some(&Value::Bool(false)) {
        let said = "additionalProperties cannot be set to false";
        errors.push(FieldError::forbidden(
            &format!("{path}.additionalProperties"),
            said,
        ));
    }
    if kind == "array" && schema.get("items").is_none_or(Value::is_null) {
        let said = "must be specified";
        errors.push(FieldError::required(&format!("{path}.items"), said));
    }
    let list_type = text(schema, "/x-kubernetes-list-type");
    if !["", "atomic", "map", "set"].contains(&list_type) {
        errors.push(FieldError::not_supported(
            &format!("{path}.x-kubernetes-list-type"),
            list_type,
            &["atomic", "map", "set"],
        ));
    }
    if list_type == "map" && list(schema, "/x-kubernetes-list-map-keys").is_empty() {
        let said = "must not be empty if x-kubernetes-list-type is map";
        errors.push(FieldError::required(
            &format!("{path}.x-kubernetes-list-map-keys"),
            said,
        ));
    }
    if int(schema, "/minItems").unwrap_or(0) < 0 {
        errors.push(FieldError::invalid(
            &format!("{path}.minItems"),
            at(schema, "/minItems"),
            "must be greater than or equal to 0",
        ));
    }
}
