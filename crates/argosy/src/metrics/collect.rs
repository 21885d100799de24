//! The text of `/metrics` from what was gathered.

use super::syncs::Sync;
use argosy_crds::{ApplicationSpec, ApplicationStatus};
use argosy_frame::{STAGE_BUCKETS, StageTime};
use argosy_object::Object;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::collections::BTreeMap;
use std::fmt::Error;

/// Everything that is told at one moment.
#[derive(Debug)]
pub(super) struct Fleet {
    pub(super) applications: Vec<Object>,
    pub(super) syncs: BTreeMap<Sync, u64>,
    /// Name and depth.
    pub(super) queues: [(&'static str, usize); 2],
    pub(super) stages: BTreeMap<&'static str, StageTime>,
}

type Labels<'a> = Vec<(&'static str, &'a str)>;

impl Collector for Fleet {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let help = "Information about Applications";
        let mut info =
            encoder.encode_descriptor("argocd_app_info", help, None, MetricType::Gauge)?;
        for application in &self.applications {
            app_info(&mut info, application)?;
        }
        let help = "Operations that have ended";
        let mut syncs =
            encoder.encode_descriptor("argocd_app_sync", help, None, MetricType::Counter)?;
        for (sync, count) in &self.syncs {
            let labels: Labels<'_> = vec![
                ("namespace", &sync.namespace),
                ("name", &sync.name),
                ("project", &sync.project),
                ("dest_server", &sync.dest_server),
                ("phase", &sync.phase),
                ("dry_run", boolean(sync.dry_run)),
            ];
            ConstCounter::new(*count).encode(syncs.encode_family(&labels)?)?;
        }
        let help = "Keys that wait for a worker";
        let mut depth =
            encoder.encode_descriptor("workqueue_depth", help, None, MetricType::Gauge)?;
        for (name, waiting) in self.queues {
            let labels: Labels<'_> = vec![("name", name)];
            let waiting = i64::try_from(waiting).unwrap_or(i64::MAX);
            ConstGauge::new(waiting).encode(depth.encode_family(&labels)?)?;
        }
        let help = "How long each stage takes";
        let mut stages =
            encoder.encode_descriptor("argosy_stage_seconds", help, None, MetricType::Histogram)?;
        for (phase, time) in &self.stages {
            let labels: Labels<'_> = vec![("phase", phase)];
            let bounds = STAGE_BUCKETS.into_iter().chain([f64::INFINITY]);
            let buckets: Vec<(f64, u64)> = bounds.zip(time.buckets).collect();
            stages
                .encode_family(&labels)?
                .encode_histogram::<[(&str, &str); 0]>(time.seconds, time.count, &buckets, None)?;
        }
        Ok(())
    }
}

fn app_info(info: &mut MetricEncoder<'_>, application: &Object) -> Result<(), Error> {
    let spec = ApplicationSpec::of(application).unwrap_or_default();
    let status = ApplicationStatus::of(application).unwrap_or_default();
    let source = spec.all_sources().first().cloned().unwrap_or_default();
    let labels: Labels<'_> = vec![
        ("namespace", application.namespace().unwrap_or_default()),
        ("name", application.name()),
        ("project", spec.project_name()),
        ("repo", &source.repo_url),
        ("dest_server", &spec.destination.server),
        ("dest_namespace", &spec.destination.namespace),
        ("sync_status", status.sync.status.as_str()),
        (
            "health_status",
            status.health.status.map_or("Unknown", |code| code.as_str()),
        ),
        ("operation", operation(application)),
        ("autosync_enabled", boolean(spec.automated().is_some())),
    ];
    ConstGauge::new(1_i64).encode(info.encode_family(&labels)?)
}

/// Compat: what is asked for and not yet begun or ended: `sync`, `delete` or nothing.
fn operation(application: &Object) -> &'static str {
    if application.is_deleting() {
        "delete"
    } else if application.pointer("/operation").is_some() {
        "sync"
    } else {
        ""
    }
}

fn boolean(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}
