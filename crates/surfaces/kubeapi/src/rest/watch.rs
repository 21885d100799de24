//! Watches: a stream of events over a cursor into the store's log.
//!
//! The stream is driven by whoever reads the answer's body; there is no task and no buffer
//! beyond the batch at hand.

use super::list::{Match, Selection, bare_version, check_future, version_match};
use super::table::Shaper;
use crate::call::Call;
use crate::catalog::Served;
use crate::cluster::Cluster;
use crate::error::ApiError;
use crate::meta;
use crate::negotiate::{Shape, Wire, raw};
use crate::selector::FieldSelector;
use crate::storage::{Event, EventStream, Expired, Range, Rev, Stored};
use argosy_object::{Map, Value, json};
use argosy_ports::{Body, BoxError};
use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Bookmarks come about this often.
const BOOKMARK_EVERY: Duration = Duration::from_mins(1);
/// A watch that names no timeout ends after this and up to twice as long.
const TIMEOUT_MIN: u64 = 1800;
/// Initial objects encoded in one piece.
const PIECE: usize = 64;

/// A watch under way.
struct Watch {
    cluster: Arc<Cluster>,
    served: Served,
    api_version: String,
    selection: Selection,
    shaper: Shaper,
    wire: Wire,
    stream: EventStream,
    /// What was there when the watch began and is yet to be told.
    initial: VecDeque<Stored>,
    /// The bookmark that ends the initial events is yet to come.
    initial_end: Option<Rev>,
    bookmarks: bool,
    ends: Instant,
    next_bookmark: Instant,
    headers_told: bool,
    over: bool,
}

pub(super) fn serve(call: &Call<'_>) -> Result<Response<Body>, ApiError> {
    let content_type = match (call.format.wire, call.format.shape) {
        (Wire::Yaml, _) => "application/yaml;stream=watch",
        (Wire::Json, Shape::Whole) => "application/json",
        (Wire::Json, _) => "application/json;stream=watch",
    };
    let watch = match Watch::begin(call) {
        Ok(watch) => watch,
        // A revision that is gone is told within the stream, as the watch cache does.
        Err(Begin::Gone(error)) => {
            let bytes = line(call.format.wire, "ERROR", &error.status());
            return Ok(raw(200, content_type, bytes.to_vec()));
        }
        Err(Begin::Refused(error)) => return Err(error),
    };
    let frames = futures_util::stream::unfold(watch, |mut watch| async move {
        let bytes = watch.next().await?;
        Some((Ok::<_, BoxError>(Frame::data(bytes)), watch))
    });
    let mut response = raw(200, content_type, Vec::new());
    *response.body_mut() = StreamBody::new(frames).boxed_unsync();
    Ok(response)
}

/// Why a watch does not begin.
enum Begin {
    Refused(ApiError),
    Gone(ApiError),
}

impl From<ApiError> for Begin {
    fn from(error: ApiError) -> Self {
        Self::Refused(error)
    }
}

fn gone(expired: Expired) -> ApiError {
    ApiError::expired(format!(
        "too old resource version: {} ({})",
        expired.wanted, expired.oldest
    ))
}

impl Watch {
    fn begin(call: &Call<'_>) -> Result<Self, Begin> {
        let mut selection = Selection::read(call)?;
        if !call.info.name.is_empty() {
            selection.fields = FieldSelector::parse(&format!("metadata.name={}", call.info.name))?;
        }
        let matching = version_match(call, true)?;
        let version = bare_version(call)?;
        let storage = &call.cluster.storage;
        let prefix = watch_prefix(call, &selection);
        let wants_initial = match (matching, call.query.text("sendInitialEvents")) {
            (Some(Match::NotOlderThan), Some(_)) => call.query.flag("sendInitialEvents"),
            _ => version.is_none_or(|version| version == 0),
        };
        if let Some(version) = version {
            check_future(version, storage.revision())?;
        }
        let (from, initial) = if wants_initial {
            let range = Range {
                prefix: &prefix,
                ..Range::default()
            };
            let page = storage
                .range(range)
                .map_err(|expired| Begin::Gone(gone(expired)))?;
            let initial = page
                .items
                .into_iter()
                .filter(|(key, _)| prefix.ends_with('/') || **key == *prefix);
            (page.rev, initial.map(|(_, stored)| stored).collect())
        } else {
            let from = version.filter(|version| *version > 0);
            (from.unwrap_or_else(|| storage.revision()), VecDeque::new())
        };
        // A cluster-wide prefix of one object matches names that merely begin with it.
        let initial = if prefix.ends_with('/') {
            initial
        } else {
            storage
                .get(&prefix)
                .filter(|_| wants_initial)
                .into_iter()
                .collect()
        };
        let stream = storage
            .watch(&prefix, from)
            .map_err(|expired| Begin::Gone(gone(expired)))?;
        let bookmarks = call.query.flag("allowWatchBookmarks");
        let initial_end = (wants_initial && matching.is_some() && bookmarks).then_some(from);
        let now = Instant::now();
        Ok(Self {
            cluster: call.cluster.clone(),
            served: call.served.clone(),
            api_version: call.served.kind.gvk.api_version().to_string(),
            selection,
            shaper: Shaper::new(call)?,
            wire: call.format.wire,
            stream,
            initial,
            initial_end,
            bookmarks,
            ends: now + timeout(call),
            next_bookmark: now + BOOKMARK_EVERY,
            headers_told: false,
            over: false,
        })
    }

    /// The next bytes; `None` ends the stream.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.over {
                return None;
            }
            if let Some(bytes) = self.tell_initial() {
                return Some(bytes);
            }
            let until = if self.bookmarks {
                self.ends.min(self.next_bookmark)
            } else {
                self.ends
            };
            let batch = tokio::select! {
                biased;
                batch = self.stream.next() => batch,
                () = tokio::time::sleep_until(until) => {
                    if Instant::now() >= self.ends {
                        self.over = true;
                        // Clients that asked for bookmarks get a last one to resume from.
                        return self.bookmarks.then(|| self.bookmark(self.stream.cursor(), false));
                    }
                    self.next_bookmark += BOOKMARK_EVERY;
                    return Some(self.bookmark(self.stream.cursor(), false));
                }
            };
            match batch {
                Ok(events) => {
                    let mut bytes = Vec::new();
                    for event in &events {
                        self.tell(event, &mut bytes);
                    }
                    if !bytes.is_empty() {
                        return Some(bytes.into());
                    }
                }
                Err(expired) => {
                    self.over = true;
                    return Some(line(self.wire, "ERROR", &gone(expired).status()));
                }
            }
        }
    }

    /// Some of the initial objects, and the bookmark behind the last.
    fn tell_initial(&mut self) -> Option<Bytes> {
        let mut bytes = Vec::new();
        while bytes.is_empty() && !self.initial.is_empty() {
            for _ in 0..PIECE {
                let Some(stored) = self.initial.pop_front() else {
                    break;
                };
                let object = meta::decode(&stored.json, stored.rev);
                if self.selects(&object) {
                    self.write("ADDED", object, &mut bytes);
                }
            }
        }
        if self.initial.is_empty()
            && let Some(rev) = self.initial_end.take()
        {
            bytes.extend_from_slice(&self.bookmark(rev, true));
        }
        (!bytes.is_empty()).then(|| bytes.into())
    }

    fn selects(&self, object: &Value) -> bool {
        let hook = self
            .cluster
            .hooks
            .of(self.served.group(), &self.served.kind.gvk.kind);
        self.selection.is_empty() || self.selection.matches_with(hook, object)
    }

    /// Whether objects are told just as they are stored.
    fn tells_stored(&self) -> bool {
        self.selection.is_empty()
            && self.wire == Wire::Json
            && self.shaper.is_whole()
            && self.served.kind.gvk == self.served.stored
    }

    /// Tells an event by the stored bytes; `false` where they have to be read.
    fn tell_stored(&mut self, event: &Event, bytes: &mut Vec<u8>) -> bool {
        let (kind, json) = match (&event.new, &event.old) {
            (Some(new), None) => ("ADDED", new),
            (Some(new), Some(_)) => ("MODIFIED", new),
            (None, Some(old)) => ("DELETED", &old.json),
            (None, None) => return true,
        };
        let start = bytes.len();
        begin(kind, bytes);
        if !meta::append_shown(bytes, json, event.rev, &self.api_version) {
            bytes.truncate(start);
            return false;
        }
        bytes.extend_from_slice(b"}\n");
        self.headers_told = true;
        true
    }

    /// What an event is to this watch: objects enter and leave its selection.
    fn tell(&mut self, event: &Event, bytes: &mut Vec<u8>) {
        if self.tells_stored() && self.tell_stored(event, bytes) {
            return;
        }
        let old = || {
            event
                .old
                .as_ref()
                .map(|old| meta::decode(&old.json, event.rev))
        };
        let new = event.new.as_ref().map(|json| meta::decode(json, event.rev));
        let new = new.filter(|new| self.selects(new));
        let was = if self.selection.is_empty() && new.is_some() {
            event.old.is_some()
        } else {
            old().is_some_and(|old| self.selects(&old))
        };
        match (new, was) {
            (Some(new), false) => self.write("ADDED", new, bytes),
            (Some(new), true) => self.write("MODIFIED", new, bytes),
            (None, true) => {
                if let Some(old) = old() {
                    self.write("DELETED", old, bytes);
                }
            }
            (None, false) => {}
        }
    }

    fn write(&mut self, kind: &str, object: Value, bytes: &mut Vec<u8>) {
        let object = match self.cluster.to_version(&self.served, object) {
            Ok(object) => self.shaper.one(object, !self.headers_told),
            Err(error) => error.status(),
        };
        self.headers_told = true;
        append(self.wire, kind, &object, bytes);
    }

    fn bookmark(&self, rev: Rev, initial_end: bool) -> Bytes {
        let mut metadata = Map::new();
        metadata.insert("resourceVersion".into(), rev.to_string().into());
        metadata.insert("creationTimestamp".into(), Value::Null);
        if initial_end {
            metadata.insert(
                "annotations".into(),
                json!({"k8s.io/initial-events-end": "true"}),
            );
        }
        let gvk = &self.served.kind.gvk;
        let object = json!({"kind": &*gvk.kind, "apiVersion": gvk.api_version(),
            "metadata": metadata});
        line(self.wire, "BOOKMARK", &object)
    }
}

/// The narrowest prefix that covers what the watch selects.
fn watch_prefix(call: &Call<'_>, selection: &Selection) -> String {
    let namespace = &call.info.namespace;
    match selection.fields.exact_name() {
        Some(name) if !call.served.namespaced() || !namespace.is_empty() => {
            call.served.key(namespace, name)
        }
        _ => call.served.prefix(namespace),
    }
}

fn timeout(call: &Call<'_>) -> Duration {
    let given = call
        .query
        .text("timeoutSeconds")
        .and_then(|text| text.parse::<u64>().ok());
    let seconds = given.filter(|seconds| *seconds > 0).unwrap_or_else(|| {
        // Spread by the clock's fraction, so that watches begun together do not end together.
        TIMEOUT_MIN + call.now.subsec_nanosecond() as u64 % TIMEOUT_MIN
    });
    Duration::from_secs(seconds.min(24 * 3600))
}

fn line(wire: Wire, kind: &str, object: &Value) -> Bytes {
    let mut bytes = Vec::new();
    append(wire, kind, object, &mut bytes);
    bytes.into()
}

/// `{"type":KIND,"object":`, which the object and a closing brace follow.
fn begin(kind: &str, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(b"{\"type\":\"");
    bytes.extend_from_slice(kind.as_bytes());
    bytes.extend_from_slice(b"\",\"object\":");
}

fn append(wire: Wire, kind: &str, object: &Value, bytes: &mut Vec<u8>) {
    match wire {
        Wire::Json => {
            begin(kind, bytes);
            serde_json::to_writer(&mut *bytes, object).expect("a vector takes all that is written");
            bytes.extend_from_slice(b"}\n");
        }
        Wire::Yaml => {
            let event = json!({"type": kind, "object": object});
            bytes.extend_from_slice(b"---\n");
            bytes.extend_from_slice(crate::decode::to_yaml(&event).as_bytes());
        }
    }
}
