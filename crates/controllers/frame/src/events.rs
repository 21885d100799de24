//! Kubernetes Events about objects of the hub.

use argosy_object::{Digest, Gvk, Object, json};
use argosy_ports::{Api, Clock, Resource, WriteOptions};
use std::sync::Arc;
use tokio::sync::mpsc;

/// `type` of an Event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// `Normal`.
    Normal,
    /// `Warning`.
    Warning,
}

/// Tells what happened as core/v1 Events; never stops or slows its caller.
///
/// Events go through a bounded channel: where the API cannot keep up, they are dropped and a
/// warning says so.
#[derive(Clone)]
pub struct Events {
    sender: mpsc::Sender<Object>,
    clock: Arc<dyn Clock>,
    component: &'static str,
}

impl Events {
    /// A recorder, and the task that writes, which ends with the last recorder.
    pub fn new(
        api: Arc<dyn Api>,
        clock: Arc<dyn Clock>,
        component: &'static str,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let (sender, mut receiver) = mpsc::channel::<Object>(4096);
        let resource = Resource::new(Gvk::new("", "v1", "Event"), "events", true);
        let writer = async move {
            while let Some(event) = receiver.recv().await {
                let options = WriteOptions {
                    manager: Some(component.into()),
                    ..WriteOptions::default()
                };
                if let Err(error) = api.create(&resource, &event, &options).await {
                    tracing::debug!(%error, "event is not written");
                }
            }
        };
        (
            Self {
                sender,
                clock,
                component,
            },
            writer,
        )
    }

    /// Records that something happened to `about`.
    pub fn record(&self, about: &Object, kind: EventKind, reason: &str, message: &str) {
        let now = self.clock.now();
        let at = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let nanos = now.as_nanosecond().to_string();
        let unique =
            Digest::of_parts([about.uid().as_bytes(), nanos.as_bytes(), message.as_bytes()]);
        let namespace = about.namespace().unwrap_or("default");
        let message: String = message.chars().take(1024).collect();
        let event = Object::from_trusted(json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": format!("{}.{}", about.name(), &unique.hex()[..16]),
                "namespace": namespace,
            },
            "involvedObject": {
                "apiVersion": about.api_version(),
                "kind": about.kind(),
                "name": about.name(),
                "namespace": about.namespace().unwrap_or(""),
                "uid": about.uid(),
                "resourceVersion": about.resource_version(),
            },
            "type": if kind == EventKind::Normal { "Normal" } else { "Warning" },
            "reason": reason,
            "message": message,
            "firstTimestamp": at,
            "lastTimestamp": at,
            "count": 1,
            "source": {"component": self.component},
        }));
        if self.sender.try_send(event).is_err() {
            tracing::warn!(reason, "event is dropped: too many wait to be written");
        }
    }
}
