//! Whose an object is: labels and annotations that Helm sets and asks for.

use argosy_object::{Object, Value as Json};

const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
const HELM: &str = "Helm";
const RELEASE_NAME: &str = "meta.helm.sh/release-name";
const RELEASE_NAMESPACE: &str = "meta.helm.sh/release-namespace";

/// `Kind "name" in namespace "ns"`
pub fn resource_text(object: &Object) -> String {
    format!(
        "{} {:?} in namespace {:?}",
        object.kind(),
        object.name(),
        object.namespace().unwrap_or_default()
    )
}

/// Marks an object as this release's.
pub fn stamp_ownership(object: &mut Object, name: &str, namespace: &str) {
    object.set_label(MANAGED_BY, HELM);
    object.set_annotation(RELEASE_NAME, name);
    object.set_annotation(RELEASE_NAMESPACE, namespace);
}

/// Whether the object's name is its own; `false` where the server makes one.
///
/// # Errors
/// Where it has both.
pub fn has_own_name(object: &Object) -> Result<bool, String> {
    let generated = object.pointer("/metadata/generateName");
    let is_generated = generated
        .and_then(Json::as_str)
        .is_some_and(|text| !text.is_empty());
    match (object.name().is_empty(), is_generated) {
        (true, true) => Ok(false),
        (false, true) => {
            Err("metadata.name and metadata.generateName cannot both be set".to_owned())
        }
        _ => Ok(true),
    }
}

/// Whether an object that is there may become the release's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adoption<'a> {
    /// The release.
    pub name: &'a str,
    /// Its namespace.
    pub namespace: &'a str,
    /// `--take-ownership`
    pub takes_ownership: bool,
}

/// Checks that `live` may be taken over for `wanted`.
///
/// # Errors
/// Helm's sentence, which people search for.
pub fn adoption(wanted: &Object, live: &Object, adoption: Adoption<'_>) -> Result<(), String> {
    if adoption.takes_ownership {
        return Ok(());
    }
    let mut faults = Vec::new();
    for (what, field, key, value) in [
        ("label", "labels", MANAGED_BY, HELM),
        ("annotation", "annotations", RELEASE_NAME, adoption.name),
        (
            "annotation",
            "annotations",
            RELEASE_NAMESPACE,
            adoption.namespace,
        ),
    ] {
        let found = live
            .metadata()
            .and_then(|metadata| metadata.get(field)?.get(key)?.as_str());
        let fault = match found {
            None => format!("missing key {key:?}: must be set to {value:?}"),
            Some(found) if found != value => {
                format!("key {key:?} must equal {value:?}: current value is {found:?}")
            }
            Some(_) => continue,
        };
        faults.push(format!("{what} validation error: {fault}"));
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{} exists and cannot be imported into the current release: invalid ownership metadata; {}",
        resource_text(wanted),
        faults.join("; ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    const OURS: Adoption<'_> = Adoption {
        name: "web",
        namespace: "shop",
        takes_ownership: false,
    };

    #[test]
    fn a_strange_object_is_named_with_what_it_lacks() {
        let wanted = Object::from_trusted(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "shop"}}),
        );
        let mut live = wanted.clone();
        live.set_annotation(RELEASE_NAME, "other");
        assert_eq!(
            adoption(&wanted, &live, OURS).unwrap_err(),
            "ConfigMap \"c\" in namespace \"shop\" exists and cannot be imported into the current \
             release: invalid ownership metadata; label validation error: missing key \
             \"app.kubernetes.io/managed-by\": must be set to \"Helm\"; annotation validation \
             error: key \"meta.helm.sh/release-name\" must equal \"web\": current value is \
             \"other\"; annotation validation error: missing key \
             \"meta.helm.sh/release-namespace\": must be set to \"shop\""
        );
        assert!(
            adoption(
                &wanted,
                &live,
                Adoption {
                    takes_ownership: true,
                    ..OURS
                }
            )
            .is_ok()
        );
        stamp_ownership(&mut live, "web", "shop");
        assert!(adoption(&wanted, &live, OURS).is_ok());
    }

    #[test]
    fn a_generated_name_is_no_own_name() {
        let object = |metadata: Json| Object::from_trusted(json!({"metadata": metadata}));
        assert_eq!(has_own_name(&object(json!({"name": "a"}))), Ok(true));
        assert_eq!(
            has_own_name(&object(json!({"generateName": "a-"}))),
            Ok(false)
        );
        assert!(has_own_name(&object(json!({"name": "a", "generateName": "a-"}))).is_err());
    }
}
