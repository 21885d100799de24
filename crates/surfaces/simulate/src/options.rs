//! What can be set: which halves play, how fast, and what goes wrong.

use crate::kinds::Kind;
use argosy_object::Value;
use std::time::Duration;

/// How a cluster is played.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether to play kube-controller-manager: only where there is none.
    pub controllers: bool,
    /// Whether to play the horizontal autoscaler alone, beside a kube-controller-manager that runs
    /// without it because there is no metrics API.
    pub autoscalers: bool,
    /// Whether to play scheduler and kubelet.
    pub kubelet: bool,
    /// Nodes that are made, named `NAME-1`, `NAME-2`, ..; 0 uses the nodes that are there.
    pub nodes: usize,
    /// What the nodes' names begin with.
    pub node_prefix: String,
    /// The version that nodes report.
    pub kubelet_version: String,
    /// How long a pod takes to be ready, or a Job's pod to be done.
    pub latency: Duration,
    /// Images that fail; the first rule that matches counts.
    pub failures: Vec<FailureRule>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            controllers: true,
            autoscalers: false,
            kubelet: true,
            nodes: 1,
            node_prefix: "node".into(),
            kubelet_version: "v1.36.0".into(),
            latency: Duration::from_millis(300),
            failures: Vec::new(),
        }
    }
}

/// Images that fail, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureRule {
    /// Part of the image's name.
    pub image: String,
    /// What happens.
    pub failure: Failure,
}

/// The ways in which a pod does not become ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The image cannot be pulled.
    ImagePullBackOff,
    /// The container starts and ends, over and over.
    CrashLoopBackOff,
    /// The container runs and never is ready.
    NotReady,
    /// The container ends with exit code 1; a Job's pod fails.
    Error,
    /// No node takes the pod.
    Unschedulable,
}

/// Annotation of a pod that makes it fail: a [`Failure`] by name.
pub const FAIL: &str = "simulate.argosy.dev/fail";
/// Annotation of a pod that sets how long it takes, such as `2s` or `500ms`.
pub const LATENCY: &str = "simulate.argosy.dev/latency";

impl Failure {
    /// Reads the name of a failure.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "ImagePullBackOff" => Self::ImagePullBackOff,
            "CrashLoopBackOff" => Self::CrashLoopBackOff,
            "NotReady" => Self::NotReady,
            "Error" => Self::Error,
            "Unschedulable" => Self::Unschedulable,
            _ => return None,
        })
    }
}

impl Options {
    /// Whether the controller of a kind is played.
    pub(crate) fn plays(&self, kind: Kind) -> bool {
        self.controllers || self.autoscalers && kind == Kind::Autoscaler
    }

    /// How a pod fails, where it does: its annotation first, then the rules for images.
    pub fn failure_of(&self, pod: &Value) -> Option<Failure> {
        if let Some(named) = annotation(pod, FAIL) {
            return Failure::parse(named);
        }
        let images = crate::tree::list(pod, "/spec/containers");
        self.failures
            .iter()
            .find(|rule| {
                images
                    .iter()
                    .any(|c| crate::tree::text(c, "/image").contains(&rule.image))
            })
            .map(|rule| rule.failure)
    }

    /// How long a pod takes.
    pub fn latency_of(&self, pod: &Value) -> Duration {
        annotation(pod, LATENCY)
            .and_then(duration)
            .unwrap_or(self.latency)
    }
}

/// Reads `300ms`, `2s`, `1.5s` or `2m`; at most an hour.
fn duration(text: &str) -> Option<Duration> {
    let end = text.find(|c: char| c.is_ascii_alphabetic())?;
    let number: f64 = text[..end].trim().parse().ok()?;
    let seconds = match &text[end..] {
        "ms" => number / 1000.0,
        "s" => number,
        "m" => number * 60.0,
        _ => return None,
    };
    (0.0..=3600.0)
        .contains(&seconds)
        .then(|| Duration::from_secs_f64(seconds))
}

fn annotation<'v>(object: &'v Value, name: &str) -> Option<&'v str> {
    object
        .get("metadata")?
        .get("annotations")?
        .get(name)?
        .as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    #[test]
    fn annotation_wins_over_rules() {
        let options = Options {
            failures: vec![FailureRule {
                image: "broken".into(),
                failure: Failure::NotReady,
            }],
            ..Options::default()
        };
        let mut pod = json!({"metadata": {"annotations": {}},
            "spec": {"containers": [{"image": "acme/broken:1"}]}});
        assert_eq!(options.failure_of(&pod), Some(Failure::NotReady));
        pod["metadata"]["annotations"][FAIL] = "Error".into();
        pod["metadata"]["annotations"][LATENCY] = "1.5s".into();
        assert_eq!(options.failure_of(&pod), Some(Failure::Error));
        assert_eq!(options.latency_of(&pod), Duration::from_millis(1500));
        pod["metadata"]["annotations"][LATENCY] = "-1s".into();
        assert_eq!(options.latency_of(&pod), options.latency);
    }
}
