//! Records as bytes: the JSON of Go's structs, packed and in base64, as Helm's drivers keep them.

use super::record::{HookPhase, HookRecord, Info, Release, Status};
use super::stamp::Stamp;
use argosy_object::{Map, Value as Json};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use std::io::{Read as _, Write as _};

/// How large a record may be once unpacked. A Secret holds at most 1 MiB of it packed.
pub const MAX_RECORD_BYTES: u64 = 64 << 20;

const GZIP: [u8; 3] = [0x1f, 0x8b, 0x08];

/// Why a record cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Its text is no base64.
    #[error("the record is no base64")]
    Base64,
    /// It does not unpack.
    #[error("the record does not unpack: {0}")]
    Gzip(String),
    /// It unpacks to more than [`MAX_RECORD_BYTES`].
    #[error("the record unpacks to more than {MAX_RECORD_BYTES} bytes")]
    TooLarge,
    /// It is no JSON, or of another shape.
    #[error("the record is no release: {0}")]
    Json(String),
}

/// A record as drivers keep it.
pub fn encode_release(release: &Release) -> String {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    let packed = packer
        .write_all(release.to_go_json(None).as_bytes())
        .and_then(|()| packer.finish())
        .expect("writing into memory does not fail");
    STANDARD.encode(packed)
}

/// Reads what a driver keeps; labels are the caller's.
///
/// # Errors
/// [`DecodeError`], for whatever a stranger put there.
pub fn decode_release(text: &[u8]) -> Result<Release, DecodeError> {
    let packed = STANDARD.decode(text).map_err(|_| DecodeError::Base64)?;
    let plain = if packed.starts_with(&GZIP) && packed.len() > GZIP.len() {
        let mut plain = Vec::new();
        GzDecoder::new(&*packed)
            .take(MAX_RECORD_BYTES + 1)
            .read_to_end(&mut plain)
            .map_err(|error| DecodeError::Gzip(error.to_string()))?;
        if plain.len() as u64 > MAX_RECORD_BYTES {
            return Err(DecodeError::TooLarge);
        }
        plain
    } else {
        packed
    };
    let text = std::str::from_utf8(&plain).map_err(|error| DecodeError::Json(error.to_string()))?;
    let json: Json = text
        .parse()
        .map_err(|error: serde_json::Error| DecodeError::Json(error.to_string()))?;
    release_of(json)
}

fn release_of(json: Json) -> Result<Release, DecodeError> {
    let Json::Object(mut map) = json else {
        return Err(DecodeError::Json("it is no object".into()));
    };
    let name = text(&map, "name")?;
    if name.is_empty() {
        return Err(DecodeError::Json("it has no name".into()));
    }
    let info = match map.get("info") {
        Some(Json::Object(info)) => info_of(info)?,
        _ => return Err(DecodeError::Json("`info` is missing".into())),
    };
    let config = match map.remove("config") {
        None | Some(Json::Null) => None,
        Some(Json::Object(mut config)) => {
            config.values_mut().for_each(crate::values::floats);
            Some(config)
        }
        Some(_) => return Err(DecodeError::Json("`config` is no table".into())),
    };
    let chart = match map.remove("chart") {
        None | Some(Json::Null) => Json::Null,
        Some(mut chart @ Json::Object(_)) => {
            if let Some(values) = chart.get_mut("values") {
                crate::values::floats(values);
            }
            chart
        }
        Some(_) => return Err(DecodeError::Json("`chart` is no object".into())),
    };
    let hooks = match map.remove("hooks") {
        None | Some(Json::Null) => Vec::new(),
        Some(Json::Array(hooks)) => hooks.iter().map(hook_of).collect::<Result<_, _>>()?,
        Some(_) => return Err(DecodeError::Json("`hooks` is no list".into())),
    };
    Ok(Release {
        name,
        namespace: text(&map, "namespace")?,
        version: map.get("version").and_then(Json::as_i64).unwrap_or(0),
        info,
        chart,
        config,
        manifest: text(&map, "manifest")?,
        hooks,
        labels: std::collections::BTreeMap::new(),
        apply_method: text(&map, "apply_method")?,
    })
}

fn info_of(info: &Map<String, Json>) -> Result<Info, DecodeError> {
    Ok(Info {
        first_deployed: stamp(info, "first_deployed"),
        last_deployed: stamp(info, "last_deployed"),
        deleted: stamp(info, "deleted"),
        description: text(info, "description")?,
        status: Status::of(&text(info, "status")?),
        notes: text(info, "notes")?,
    })
}

fn hook_of(json: &Json) -> Result<HookRecord, DecodeError> {
    let Some(map) = json.as_object() else {
        return Err(DecodeError::Json("a hook is no object".into()));
    };
    let empty = Map::new();
    let run = map.get("last_run").and_then(Json::as_object);
    let run = run.unwrap_or(&empty);
    Ok(HookRecord {
        name: text(map, "name")?,
        kind: text(map, "kind")?,
        path: text(map, "path")?,
        manifest: text(map, "manifest")?,
        events: texts(map, "events"),
        started_at: stamp(run, "started_at"),
        completed_at: stamp(run, "completed_at"),
        phase: HookPhase::of(&text(run, "phase")?),
        weight: map.get("weight").and_then(Json::as_i64).unwrap_or(0),
        delete_policies: texts(map, "delete_policies"),
        output_log_policies: texts(map, "output_log_policies"),
    })
}

fn text(map: &Map<String, Json>, field: &str) -> Result<String, DecodeError> {
    match map.get(field) {
        None | Some(Json::Null) => Ok(String::new()),
        Some(Json::String(text)) => Ok(text.clone()),
        Some(_) => Err(DecodeError::Json(format!("`{field}` is no text"))),
    }
}

fn texts(map: &Map<String, Json>, field: &str) -> Vec<String> {
    let list = map.get(field).and_then(Json::as_array);
    let texts = list.into_iter().flatten().filter_map(Json::as_str);
    texts.map(str::to_owned).collect()
}

fn stamp(map: &Map<String, Json>, field: &str) -> Option<Stamp> {
    Stamp::parse(map.get(field)?.as_str()?)
}

/// Fields of a Go struct, in its order; what `omitempty` leaves out is left out.
#[derive(Default)]
struct Struct(String);

impl Struct {
    fn raw(&mut self, name: &str, json: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push_str(&format!("\"{name}\":"));
        self.0.push_str(json);
    }

    fn text(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.raw(name, &argosy_yaml::write_json_go(&text.into()));
        }
    }

    fn stamp(&mut self, name: &str, stamp: Option<&Stamp>) {
        if let Some(stamp) = stamp {
            self.text(name, &stamp.to_string());
        }
    }

    fn texts(&mut self, name: &str, texts: &[String]) {
        if !texts.is_empty() {
            self.raw(name, &argosy_yaml::write_json_go(&texts.into()));
        }
    }

    fn number(&mut self, name: &str, number: i64) {
        if number != 0 {
            self.raw(name, &number.to_string());
        }
    }

    fn end(mut self) -> String {
        if self.0.is_empty() {
            self.0.push('{');
        }
        self.0.push('}');
        self.0
    }
}

impl Release {
    /// The record as Go's encoder writes it: fields in the order of the structs. `resources` is
    /// what `helm status` puts into `info` besides.
    pub fn to_go_json(&self, resources: Option<&Map<String, Json>>) -> String {
        let mut info = Struct::default();
        info.stamp("first_deployed", self.info.first_deployed.as_ref());
        info.stamp("last_deployed", self.info.last_deployed.as_ref());
        info.stamp("deleted", self.info.deleted.as_ref());
        info.text("description", &self.info.description);
        info.text("status", self.info.status.as_str());
        info.text("notes", &self.info.notes);
        if let Some(resources) = resources.filter(|found| !found.is_empty()) {
            let resources = Json::Object(resources.clone());
            info.raw("resources", &argosy_yaml::write_json_go(&resources));
        }
        let mut out = Struct::default();
        out.text("name", &self.name);
        out.raw("info", &info.end());
        if !self.chart.is_null() {
            out.raw("chart", &ordered(&self.chart, &CHART));
        }
        if let Some(config) = self.config.as_ref().filter(|config| !config.is_empty()) {
            let config = Json::Object(config.clone());
            out.raw("config", &argosy_yaml::write_json_go(&config));
        }
        out.text("manifest", &self.manifest);
        if !self.hooks.is_empty() {
            let hooks: Vec<String> = self.hooks.iter().map(HookRecord::to_go_json).collect();
            out.raw("hooks", &format!("[{}]", hooks.join(",")));
        }
        out.number("version", self.version);
        out.text("namespace", &self.namespace);
        out.text("apply_method", &self.apply_method);
        out.end()
    }
}

impl Release {
    /// What the chart depends on, as Go's encoder writes it.
    pub fn go_dependencies(&self) -> String {
        ordered(
            &self.chart["metadata"]["dependencies"],
            &Shape::List(&DEPENDENCY),
        )
    }
}

impl HookRecord {
    fn to_go_json(&self) -> String {
        let mut run = Struct::default();
        run.stamp("started_at", self.started_at.as_ref());
        run.stamp("completed_at", self.completed_at.as_ref());
        run.raw(
            "phase",
            &argosy_yaml::write_json_go(&self.phase.as_str().into()),
        );
        let mut out = Struct::default();
        out.text("name", &self.name);
        out.text("kind", &self.kind);
        out.text("path", &self.path);
        out.text("manifest", &self.manifest);
        out.texts("events", &self.events);
        out.raw("last_run", &run.end());
        out.number("weight", self.weight);
        out.texts("delete_policies", &self.delete_policies);
        out.texts("output_log_policies", &self.output_log_policies);
        out.end()
    }
}

/// The order of a Go struct's fields, and what is in them.
enum Shape {
    Plain,
    List(&'static Shape),
    Struct(&'static [(&'static str, Shape)]),
}

use Shape::Plain;

static FILE: Shape = Shape::Struct(&[("name", Plain), ("data", Plain), ("modtime", Plain)]);
static DEPENDENCY: Shape = Shape::Struct(&[
    ("name", Plain),
    ("version", Plain),
    ("repository", Plain),
    ("condition", Plain),
    ("tags", Plain),
    ("enabled", Plain),
    ("import-values", Plain),
    ("alias", Plain),
]);
static MAINTAINER: Shape = Shape::Struct(&[("name", Plain), ("email", Plain), ("url", Plain)]);
static CHART: Shape = Shape::Struct(&[
    (
        "metadata",
        Shape::Struct(&[
            ("name", Plain),
            ("home", Plain),
            ("sources", Plain),
            ("version", Plain),
            ("description", Plain),
            ("keywords", Plain),
            ("maintainers", Shape::List(&MAINTAINER)),
            ("icon", Plain),
            ("apiVersion", Plain),
            ("condition", Plain),
            ("tags", Plain),
            ("appVersion", Plain),
            ("deprecated", Plain),
            ("annotations", Plain),
            ("kubeVersion", Plain),
            ("dependencies", Shape::List(&DEPENDENCY)),
            ("type", Plain),
        ]),
    ),
    (
        "lock",
        Shape::Struct(&[
            ("generated", Plain),
            ("digest", Plain),
            ("dependencies", Shape::List(&DEPENDENCY)),
        ]),
    ),
    ("templates", Shape::List(&FILE)),
    ("values", Plain),
    ("schema", Plain),
    ("schemamodtime", Plain),
    ("files", Shape::List(&FILE)),
    ("modtime", Plain),
]);

/// A value with its fields in a struct's order; fields that the struct lacks come last.
fn ordered(value: &Json, shape: &Shape) -> String {
    match (shape, value) {
        (Shape::List(inner), Json::Array(items)) => {
            let items: Vec<String> = items.iter().map(|item| ordered(item, inner)).collect();
            format!("[{}]", items.join(","))
        }
        (Shape::Struct(fields), Json::Object(map)) => {
            let mut out = Struct::default();
            for (name, inner) in *fields {
                if let Some(found) = map.get(*name) {
                    out.raw(name, &ordered(found, inner));
                }
            }
            for (name, found) in map {
                if !fields.iter().any(|(known, _)| known == name) {
                    let name = argosy_yaml::write_json_go(&name.as_str().into());
                    out.raw(name.trim_matches('"'), &argosy_yaml::write_json_go(found));
                }
            }
            out.end()
        }
        (_, plain) => argosy_yaml::write_json_go(plain),
    }
}

#[cfg(test)]
mod tests;
