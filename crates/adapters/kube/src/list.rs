//! Lists and watches as raw JSON: pages, frames, and where one object ends and the next begins.

use crate::path::Path;
use crate::status::error_of_event;
use crate::wire::{Frames, Wire};
use argosy_ports::{ApiError, ApiErrorKind, ListOptions, Resource};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const PAGE: &str = "500";
const WATCH_SECONDS: u64 = 300;
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// One event of a watch; the object is its JSON as it came.
#[derive(Debug)]
pub enum RawEvent {
    /// New, or there at the start.
    Added(Bytes),
    /// Changed.
    Modified(Bytes),
    /// Gone; its last state.
    Deleted(Bytes),
    /// Nothing more up to this resourceVersion.
    Bookmark {
        /// Where to go on from.
        resource_version: String,
        /// Whether it ends the initial objects.
        initial_end: bool,
    },
}

/// What to list or watch.
#[derive(Clone)]
pub struct Target {
    /// The kind.
    pub resource: Resource,
    /// Namespace and selectors.
    pub options: ListOptions,
    /// Media types of the answer.
    pub accept: &'static str,
}

impl Target {
    fn path(&self) -> Result<Path, ApiError> {
        let path = Path::collection(&self.resource, self.options.namespace.as_deref())?;
        Ok(path
            .with_some("labelSelector", self.options.labels.as_deref())
            .with_some("fieldSelector", self.options.fields.as_deref()))
    }
}

/// One page of a list.
pub struct Page {
    /// The objects, each a slice of the answer.
    pub items: Vec<Bytes>,
    /// The list's resourceVersion.
    pub resource_version: String,
    /// Where the next page begins.
    pub next: Option<String>,
}

#[derive(Deserialize)]
struct ListFrame<'a> {
    #[serde(default)]
    metadata: ListMeta,
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ListMeta {
    resource_version: String,
    #[serde(rename = "continue")]
    next: String,
}

/// Fetches one page, from `token` where it is not the first.
pub async fn page(
    wire: &Wire,
    target: &Target,
    token: Option<&str>,
    paged: bool,
) -> Result<Page, ApiError> {
    let mut path = target.path()?;
    if paged {
        path = path.with("limit", PAGE).with_some("continue", token);
    }
    let body = wire.get(&path, target.accept).await?;
    let frame: ListFrame<'_> =
        serde_json::from_slice(&body).map_err(|error| garbled(wire, "list", &error))?;
    let items = frame.items.unwrap_or_default();
    Ok(Page {
        items: items
            .into_iter()
            .map(|item| body.slice_ref(item.get().as_bytes()))
            .collect(),
        resource_version: frame.metadata.resource_version,
        next: Some(frame.metadata.next).filter(|token| !token.is_empty()),
    })
}

/// A whole list, page after page; each item goes to `take`. Where the pages' snapshot expires in
/// between, everything is listed again in one piece and `take` sees the first items twice.
/// Returns the resourceVersion to watch from.
pub async fn all(
    wire: &Wire,
    target: &Target,
    mut take: impl FnMut(Bytes) -> Result<(), ApiError>,
) -> Result<String, ApiError> {
    let mut token: Option<String> = None;
    let mut paged = true;
    loop {
        match page(wire, target, token.as_deref(), paged).await {
            Ok(page) => {
                page.items.into_iter().try_for_each(&mut take)?;
                match page.next {
                    Some(next) if paged => token = Some(next),
                    _ => return Ok(page.resource_version),
                }
            }
            Err(error) if error.kind == ApiErrorKind::Expired && token.is_some() => {
                token = None;
                paged = false;
            }
            Err(error) => return Err(error),
        }
    }
}

#[derive(Deserialize)]
struct EventFrame<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
struct BookmarkFrame {
    metadata: BookmarkMeta,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BookmarkMeta {
    #[serde(default)]
    resource_version: String,
    #[serde(default)]
    annotations: Option<std::collections::BTreeMap<String, String>>,
}

/// An open watch.
pub struct Watch {
    frames: Frames,
    server: Wire,
    silence: Duration,
    /// Listed objects that come before the first frame, where the server has no WatchList.
    listed: VecDeque<RawEvent>,
}

impl Watch {
    /// Opens a watch that begins after `from`.
    pub async fn from(wire: &Wire, target: &Target, from: &str) -> Result<Self, ApiError> {
        let seconds = watch_seconds(target);
        let path = target
            .path()?
            .with("watch", "true")
            .with("allowWatchBookmarks", "true")
            .with("timeoutSeconds", &seconds.to_string())
            .with("resourceVersion", from);
        Self::open(wire, target, &path, seconds).await
    }

    /// Opens a watch that begins with every object and one bookmark. `streaming` remembers
    /// whether the server can do that itself; where it cannot, a list comes first.
    pub async fn everything(
        wire: &Wire,
        target: &Target,
        streaming: &AtomicBool,
    ) -> Result<Self, ApiError> {
        if streaming.load(Ordering::Relaxed) {
            let seconds = watch_seconds(target);
            let path = target
                .path()?
                .with("watch", "true")
                .with("allowWatchBookmarks", "true")
                .with("sendInitialEvents", "true")
                .with("resourceVersionMatch", "NotOlderThan")
                .with("timeoutSeconds", &seconds.to_string());
            match Self::open(wire, target, &path, seconds).await {
                Err(error) if error.kind == ApiErrorKind::Invalid => {
                    streaming.store(false, Ordering::Relaxed);
                }
                result => return result,
            }
        }
        let mut listed = VecDeque::new();
        let version = all(wire, target, |item| {
            listed.push_back(RawEvent::Added(item));
            Ok(())
        })
        .await?;
        let mut watch = Self::from(wire, target, &version).await?;
        listed.push_back(RawEvent::Bookmark {
            resource_version: version,
            initial_end: true,
        });
        watch.listed = listed;
        Ok(watch)
    }

    async fn open(
        wire: &Wire,
        target: &Target,
        path: &Path,
        seconds: u64,
    ) -> Result<Self, ApiError> {
        Ok(Self {
            frames: wire.stream(path, target.accept).await?,
            server: wire.clone(),
            silence: Duration::from_secs(seconds + 30),
            listed: VecDeque::new(),
        })
    }

    /// The next event; `None` when the server ends the watch, which it does every few minutes.
    pub async fn next(&mut self) -> Result<Option<RawEvent>, ApiError> {
        if let Some(event) = self.listed.pop_front() {
            if self.listed.is_empty() {
                self.listed.shrink_to_fit();
            }
            return Ok(Some(event));
        }
        let Some(line) = self.frames.next(self.silence).await? else {
            return Ok(None);
        };
        let frame: EventFrame<'_> =
            serde_json::from_slice(&line).map_err(|e| garbled(&self.server, "watch event", &e))?;
        let object = line.slice_ref(frame.object.get().as_bytes());
        match frame.kind {
            "ADDED" => Ok(Some(RawEvent::Added(object))),
            "MODIFIED" => Ok(Some(RawEvent::Modified(object))),
            "DELETED" => Ok(Some(RawEvent::Deleted(object))),
            "BOOKMARK" => bookmark(&self.server, &object).map(Some),
            "ERROR" => Err(error_of_event(&object)),
            other => {
                let text = format!("a watch event has the unknown type `{other}`");
                Err(ApiError::new(ApiErrorKind::Unreachable, text))
            }
        }
    }
}

fn bookmark(wire: &Wire, object: &[u8]) -> Result<RawEvent, ApiError> {
    let frame: BookmarkFrame =
        serde_json::from_slice(object).map_err(|error| garbled(wire, "bookmark", &error))?;
    let annotations = frame.metadata.annotations.unwrap_or_default();
    Ok(RawEvent::Bookmark {
        resource_version: frame.metadata.resource_version,
        initial_end: annotations
            .get(INITIAL_EVENTS_END)
            .is_some_and(|text| text == "true"),
    })
}

/// Between five and ten minutes, different for each kind and namespace, so that a fleet's watches
/// do not all end at once.
fn watch_seconds(target: &Target) -> u64 {
    let mut hasher = DefaultHasher::new();
    target.resource.hash(&mut hasher);
    target.options.namespace.hash(&mut hasher);
    WATCH_SECONDS + hasher.finish() % WATCH_SECONDS
}

/// An answer that is not what was asked for: a broken connection, or no API server.
pub fn garbled(wire: &Wire, what: &str, error: &serde_json::Error) -> ApiError {
    let text = format!(
        "a {what} of cluster `{}` cannot be read: {error}",
        wire.server()
    );
    ApiError::new(ApiErrorKind::Unreachable, text)
}

/// Whether a server can stream initial events, until it says that it cannot.
pub fn streaming_unknown() -> Arc<AtomicBool> {
    Arc::new(AtomicBool::new(true))
}
