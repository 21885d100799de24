//! One pass over an object's JSON: the header's fields, and the body without `managedFields`.

use super::uid::Uid;
use argosy_object::Gvk;
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

const TRACKING_ID: &str = "argocd.argoproj.io/tracking-id";
const INSTALLATION_ID: &str = "argocd.argoproj.io/installation-id";

/// How objects say which application they belong to.
///
/// Compat: Argo CD's `application.resourceTrackingMethod`, `application.instanceLabelKey` and
/// `installationID`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracking {
    /// The label that counts where `by_label` is set.
    pub label: String,
    /// Whether the label decides; otherwise the annotation does (also for `annotation+label`).
    pub by_label: bool,
    /// Objects of another installation are not ours.
    pub installation: Option<String>,
}

impl Default for Tracking {
    fn default() -> Self {
        Self {
            label: "app.kubernetes.io/instance".to_owned(),
            by_label: false,
            installation: None,
        }
    }
}

/// What an index keeps.
#[derive(Clone, Debug)]
pub struct LiveRules {
    /// How objects are tracked.
    pub tracking: Tracking,
    /// Whether the bodies of a group and kind are kept though nothing tracks the object.
    pub bodies: fn(group: &str, kind: &str) -> bool,
}

impl Default for LiveRules {
    /// Annotation tracking, and the bodies of tracked objects alone.
    fn default() -> Self {
        Self {
            tracking: Tracking::default(),
            bodies: |_, _| false,
        }
    }
}

/// Bytes that are no object.
#[derive(Debug, thiserror::Error)]
#[error("a `{kind}` that the server sent cannot be read")]
pub struct BadObject {
    kind: String,
    source: serde_json::Error,
}

/// What one pass finds.
pub struct Extracted {
    pub gvk: Gvk,
    pub namespace: Option<String>,
    pub name: String,
    pub uid: Uid,
    pub resource_version: String,
    pub owners: Vec<Uid>,
    pub instance: Option<String>,
    pub images: Vec<String>,
    pub deleting: bool,
    /// Equal where nothing but `resourceVersion`, `generation` and `managedFields` differs.
    pub digest: u64,
    /// Compact JSON, where it is to be kept.
    pub body: Option<Vec<u8>>,
}

impl Extracted {
    /// Reads an object of kind `gvk`.
    pub fn read(gvk: &Gvk, json: &[u8], rules: &LiveRules) -> Result<Self, BadObject> {
        read(gvk, json, rules).map_err(|source| BadObject {
            kind: gvk.kind.to_string(),
            source,
        })
    }
}

/// The application that an object's metadata names, whole or partial.
pub fn instance_of(gvk: &Gvk, json: &[u8], tracking: &Tracking) -> Option<String> {
    let partial: Partial<'_> = serde_json::from_slice(json).ok()?;
    instance(gvk, &partial.metadata, tracking).ok()?
}

#[derive(Deserialize)]
struct Partial<'a> {
    #[serde(borrow)]
    metadata: Meta<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    namespace: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    uid: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    resource_version: Option<Cow<'a, str>>,
    #[serde(default)]
    deletion_timestamp: Option<serde::de::IgnoredAny>,
    #[serde(borrow, default)]
    owner_references: Option<Vec<Owner<'a>>>,
    #[serde(borrow, default)]
    annotations: Option<&'a RawValue>,
    #[serde(borrow, default)]
    labels: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Owner<'a> {
    #[serde(borrow, default)]
    uid: Cow<'a, str>,
}

/// A JSON object as its members, in their order.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Walk;
        impl<'de> Visitor<'de> for Walk {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::with_capacity(map.size_hint().unwrap_or(8));
                while let Some((Name(name), value)) = map.next_entry::<Name<'de>, &RawValue>()? {
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Walk)
    }
}

impl<'a> Members<'a> {
    fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| *value)
    }

    fn text(&self, name: &str) -> Option<String> {
        self.get(name)
            .and_then(|raw| serde_json::from_str(raw.get()).ok())
    }
}

fn read(gvk: &Gvk, json: &[u8], rules: &LiveRules) -> Result<Extracted, serde_json::Error> {
    let top: Members<'_> = serde_json::from_slice(json)?;
    let metadata = top.get("metadata").map_or("{}", RawValue::get);
    let meta: Meta<'_> = serde_json::from_str(metadata)?;
    let metadata: Members<'_> = serde_json::from_str(metadata)?;
    let instance = instance(gvk, &meta, &rules.tracking)?;
    let keep = instance.is_some() || (rules.bodies)(&gvk.group, &gvk.kind);
    Ok(Extracted {
        digest: digest(&top, &metadata),
        body: keep.then(|| body(gvk, &top, &metadata)),
        images: images(gvk, &top),
        namespace: meta
            .namespace
            .filter(|text| !text.is_empty())
            .map(Cow::into_owned),
        uid: Uid::of(&meta.uid.unwrap_or_default()),
        resource_version: meta.resource_version.unwrap_or_default().into_owned(),
        owners: meta
            .owner_references
            .iter()
            .flatten()
            .map(|o| Uid::of(&o.uid))
            .collect(),
        deleting: meta.deletion_timestamp.is_some(),
        name: meta.name.into_owned(),
        gvk: gvk.clone(),
        instance,
    })
}

fn optional(raw: Option<&RawValue>) -> Result<Option<Members<'_>>, serde_json::Error> {
    match raw.map(RawValue::get) {
        None | Some("null") => Ok(None),
        Some(text) => serde_json::from_str(text).map(Some),
    }
}

/// Compat: an object with owners is nobody's root, and a tracking id that names another object
/// was copied from it: neither is tracked.
fn instance(
    gvk: &Gvk,
    meta: &Meta<'_>,
    tracking: &Tracking,
) -> Result<Option<String>, serde_json::Error> {
    if meta
        .owner_references
        .as_ref()
        .is_some_and(|owners| !owners.is_empty())
    {
        return Ok(None);
    }
    let annotations = optional(meta.annotations)?;
    let annotation = |name: &str| annotations.as_ref().and_then(|a| a.text(name));
    if let Some(ours) = &tracking.installation
        && annotation(INSTALLATION_ID).as_ref() != Some(ours)
    {
        return Ok(None);
    }
    if tracking.by_label {
        let labels = optional(meta.labels)?;
        let label = labels.and_then(|labels| labels.text(&tracking.label));
        return Ok(label.filter(|text| !text.is_empty()));
    }
    Ok(annotation(TRACKING_ID).and_then(|id| instance_in_id(gvk, meta, &id)))
}

/// `<instance>:<group>/<kind>:<namespace>/<name>`, where it names the object itself. A
/// cluster-scoped object's id holds the application's namespace, so that part is not compared.
fn instance_in_id(gvk: &Gvk, meta: &Meta<'_>, id: &str) -> Option<String> {
    let mut parts = id.splitn(3, ':');
    let (instance, kind, place) = (parts.next()?, parts.next()?, parts.next()?);
    let (group, kind) = kind.split_once('/')?;
    let (namespace, name) = place.split_once('/')?;
    let own = meta.namespace.as_deref().unwrap_or("");
    let itself = *group == *gvk.group
        && *kind == *gvk.kind
        && name == meta.name
        && (own.is_empty() || own == namespace);
    (itself && !instance.is_empty()).then(|| instance.to_owned())
}

fn digest(top: &Members<'_>, metadata: &Members<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (name, value) in top.0.iter().filter(|(name, _)| name != "metadata") {
        (name, value.get()).hash(&mut hasher);
    }
    let quiet = ["resourceVersion", "generation", "managedFields"];
    for (name, value) in metadata
        .0
        .iter()
        .filter(|(name, _)| !quiet.contains(&&**name))
    {
        (name, value.get()).hash(&mut hasher);
    }
    hasher.finish()
}

fn body(gvk: &Gvk, top: &Members<'_>, metadata: &Members<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    out.push(b'{');
    let api_version = gvk.api_version();
    for (name, text) in [("apiVersion", api_version.as_str()), ("kind", &*gvk.kind)] {
        if top.get(name).is_none() {
            quote(name, &mut out);
            out.push(b':');
            quote(text, &mut out);
            out.push(b',');
        }
    }
    for (name, value) in &top.0 {
        quote(name, &mut out);
        out.push(b':');
        if name == "metadata" {
            out.push(b'{');
            for (name, value) in metadata
                .0
                .iter()
                .filter(|(name, _)| name != "managedFields")
            {
                quote(name, &mut out);
                out.push(b':');
                out.extend_from_slice(value.get().as_bytes());
                out.push(b',');
            }
            close(&mut out);
        } else {
            out.extend_from_slice(value.get().as_bytes());
        }
        out.push(b',');
    }
    close(&mut out);
    out
}

fn close(out: &mut Vec<u8>) {
    if out.last() == Some(&b',') {
        out.pop();
    }
    out.push(b'}');
}

fn quote(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("writing text to memory cannot fail");
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodSpec {
    #[serde(default)]
    init_containers: Option<Vec<Container>>,
    #[serde(default)]
    containers: Option<Vec<Container>>,
}

#[derive(Deserialize)]
struct Container {
    #[serde(default)]
    image: String,
}

#[derive(Deserialize)]
struct Templated {
    template: Option<Template>,
}

#[derive(Deserialize)]
struct Template {
    spec: Option<PodSpec>,
}

/// Images of a pod or of a pod template, each once, in order. What does not look like one has
/// none: custom kinds may use the same words for other things.
fn images(gvk: &Gvk, top: &Members<'_>) -> Vec<String> {
    let Some(spec) = top.get("spec") else {
        return Vec::new();
    };
    let pod = match (&*gvk.group, &*gvk.kind) {
        ("", "Pod") => serde_json::from_str::<PodSpec>(spec.get()).ok(),
        ("apps" | "batch" | "argoproj.io", _) | ("", "ReplicationController") => {
            serde_json::from_str::<Templated>(spec.get())
                .ok()
                .and_then(|templated| templated.template)
                .and_then(|template| template.spec)
        }
        _ => None,
    };
    let Some(pod) = pod else { return Vec::new() };
    let mut images: Vec<String> = Vec::new();
    for container in pod
        .init_containers
        .into_iter()
        .chain(pod.containers)
        .flatten()
    {
        if !container.image.is_empty() && !images.contains(&container.image) {
            images.push(container.image);
        }
    }
    images
}
