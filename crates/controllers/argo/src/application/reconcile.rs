//! One reconcile of one Application: the order of the stages, and nothing else.

use super::ApplicationController;
use super::compare::Compared;
use super::operation::{Launch, Pass};
use super::record::Record;
use super::validate::{Valid, validate};
use crate::follow::Followed;
use argosy_crds::{ApplicationStatus, HealthCode, condition, names};
use argosy_frame::{Reconciler, StatusError, Verdict};
use argosy_object::{Class, Classified as _, Key, Object};
use argosy_pipeline::{Report, StageError, app_health};
use async_trait::async_trait;
use std::time::Duration;

/// When a chart that cannot be had is asked for again.
const CHART_AGAIN: Duration = Duration::from_mins(3);

#[async_trait]
impl Reconciler for ApplicationController {
    async fn reconcile(&self, key: &Key) -> Verdict {
        let Some(application) = self.hub.store.get(key) else {
            self.forget(key);
            return Verdict::done();
        };
        if application.annotation(names::SKIP_RECONCILE) == Some("true") {
            return Verdict::done();
        }
        if application.is_deleting() && !application.finalizers().any(is_ours) {
            return Verdict::done();
        }
        if application.is_deleting() {
            return self.delete(key, &application).await;
        }
        let status = match ApplicationStatus::of(&application) {
            Ok(status) => status,
            Err(error) => {
                tracing::warn!(%key, %error, "status cannot be read and is made anew");
                ApplicationStatus::default()
            }
        };
        let mut report = Report::new(status, self.hub.ports.clock.now());
        let mut launch = None;
        let verdict = self
            .stages(key, &application, &mut report, &mut launch)
            .await;
        let written = self.write(key, &application, report);
        match (
            self.hub.stage_times.measure("report", written).await,
            launch,
        ) {
            (Ok(Written::Done), Some(launch)) => self.begin(launch),
            (Ok(Written::Done), None) => {}
            (Ok(Written::Rests(left)), _) => {
                let again = verdict.again.map_or(left, |again| again.min(left));
                return Verdict {
                    again: Some(again),
                    ..verdict
                };
            }
            (Err(again), _) => return again,
        }
        verdict
    }
}

/// When a pass is done again that somebody else's write has overtaken.
const SOON: Duration = Duration::from_millis(10);

/// What became of a report.
enum Written {
    /// It is stored, or says nothing new.
    Done,
    /// It has new words only, which wait so long.
    Rests(Duration),
}

/// How long an Application is new: what it names may not have been told yet.
const NEW_SECONDS: i64 = 5;
/// When a new Application that names something unknown is looked at again.
const NEWS_REST: Duration = Duration::from_secs(1);

/// Whether a finalizer is one of those that the controller acts on.
pub(crate) fn is_ours(finalizer: &str) -> bool {
    finalizer.starts_with(names::RESOURCES_FINALIZER)
}

/// When an Application that a stage stopped is looked at again.
///
/// What stands in Git or in the hub wakes it when it changes. A cluster's refusal does not: a
/// right is given, or an admission rule lifted, without a word to us. Charts are not followed.
fn again(valid: &Valid, error: &StageError) -> Verdict {
    let is_chart = || valid.spec.all_sources().iter().any(|s| !s.chart.is_empty());
    match (error, error.class()) {
        (StageError::Live(_), Class::Denied | Class::Stalled) => Verdict::failed(Class::Waiting),
        (StageError::Source { .. }, class) if is_chart() => Verdict {
            failure: Some(class),
            again: Some(CHART_AGAIN),
        },
        (_, class) => Verdict::failed(class),
    }
}

/// How long a report may wait that the next one will say better.
fn rest(record: &Record, report: &Report) -> Option<Duration> {
    let may_wait = report.says_only_more() || record.is_running() && report.says_only_progress();
    may_wait.then(|| record.rest())?
}

impl ApplicationController {
    /// The nine stages. An early stop still reports all that was learned.
    async fn stages(
        &self,
        key: &Key,
        application: &Object,
        report: &mut Report,
        launch: &mut Option<Launch>,
    ) -> Verdict {
        let record = self.records.of(key);
        let valid = match validate(&self.hub, application) {
            Ok(valid) => valid,
            Err(complaints) => return self.invalid(application, report, complaints),
        };
        if valid.destination.is_paused {
            return Verdict::done();
        }
        let Some(_inside) = self.gate.enter(&valid.destination.server, key) else {
            return Verdict::done();
        };
        self.follow(key, &valid);
        self.refresh(application, &valid, &record, report).await;
        let compared = self
            .compare(key, &valid, &record, &report.status.resources.clone())
            .await;
        let (current, stopped) = match compared {
            Ok(compared) => {
                self.listen(&compared.cluster);
                if !record.cache.remotes().is_empty() {
                    self.follow(key, &valid);
                }
                report.compared(&valid.spec, &compared.comparison, &compared.revisions);
                let times = &self.hub.stage_times;
                report.health(&times.measure_now("health", || app_health(&compared.comparison)));
                self.describe(&valid, &compared, report);
                (Ok(compared), Verdict::done())
            }
            Err(error) => {
                let stopped = self.stopped(&valid, report, &error);
                (Err(error), stopped)
            }
        };
        let pass = Pass {
            key,
            application,
            valid: &valid,
            record: &record,
            report,
            launch,
        };
        let operated = self.operate(pass, current).await;
        Verdict {
            failure: operated.failure.or(stopped.failure),
            again: operated.again.or(stopped.again),
        }
    }

    /// The `refresh` annotation, or an operation that is about to begin: look at the remotes first;
    /// `hard`: render anew.
    async fn refresh(
        &self,
        application: &Object,
        valid: &Valid,
        record: &Record,
        report: &mut Report,
    ) {
        let asked = application.annotation(names::REFRESH);
        // Compat: an operation that somebody asks for is for what the remote has now.
        let begins = application.pointer("/operation").is_some()
            && !record.is_running()
            && record.finished().is_none();
        if asked.is_none() && !begins {
            return;
        }
        report.clears_refresh = asked.is_some();
        if asked == Some("hard") {
            record.cache.clear();
        }
        for source in valid.spec.all_sources() {
            let sources = &self.hub.ports.sources;
            let repo = sources.repo(&source.repo_url, valid.spec.project_name());
            let refreshed = if source.chart.is_empty() {
                sources.refresh(&repo).await
            } else {
                sources.refresh_charts(&repo).await
            };
            if let Err(error) = refreshed {
                tracing::debug!(%error, "refresh failed; the comparison will say why");
            }
        }
    }

    fn invalid(
        &self,
        application: &Object,
        report: &mut Report,
        complaints: Vec<String>,
    ) -> Verdict {
        let spec = argosy_crds::ApplicationSpec::of(application).unwrap_or_default();
        for complaint in complaints {
            report.condition(condition::INVALID_SPEC_ERROR, complaint);
        }
        report.clears_refresh = application.annotation(names::REFRESH).is_some();
        report.not_compared(&spec, HealthCode::Unknown);
        if self.is_new(application) {
            // Its cluster or project may have been made a moment before it, and be on the way
            // here: what somebody asked for is not ended for that.
            return Verdict {
                again: Some(NEWS_REST),
                ..Verdict::failed(Class::Denied)
            };
        }
        self.refuse_operation(application, report);
        Verdict::failed(Class::Denied)
    }

    /// Whether an Application was made within the last seconds.
    fn is_new(&self, application: &Object) -> bool {
        let Some(made) = super::compare::born(application) else {
            return false;
        };
        let age = self.hub.ports.clock.now().duration_since(made).abs();
        age < jiff::SignedDuration::from_secs(NEW_SECONDS)
    }

    /// A stage ended early: sync is `Unknown`, nothing is applied and nothing deleted.
    fn stopped(&self, valid: &Valid, report: &mut Report, error: &StageError) -> Verdict {
        let kind = match error {
            StageError::Invalid(_) => condition::INVALID_SPEC_ERROR,
            StageError::Panicked(_) => condition::UNKNOWN_ERROR,
            _ => condition::COMPARISON_ERROR,
        };
        report.condition(kind, error.sentence());
        let health = if super::compare::is_about_target(error) {
            HealthCode::Healthy
        } else {
            HealthCode::Unknown
        };
        report.not_compared(&valid.spec, health);
        again(valid, error)
    }

    fn describe(&self, valid: &Valid, compared: &Compared, report: &mut Report) {
        for finding in &compared.findings {
            let kind = match finding.reason {
                "RepeatedResource" => condition::REPEATED_RESOURCE_WARNING,
                _ => condition::UNKNOWN_ERROR,
            };
            report.condition(kind, finding.message.clone());
        }
        for row in &compared.comparison.rows {
            if let Some(shared) = self.shared_with(row) {
                report.condition(condition::SHARED_RESOURCE_WARNING, shared);
            }
            if let Some(feature) = row.desired.as_ref().and_then(|d| d.unsupported.as_ref()) {
                let sentence = argosy_sync::unsupported_sentence(&row.key, feature);
                report.condition(condition::EXCLUDED_RESOURCE_WARNING, sentence);
            }
            if let Some(error) = &row.error {
                report.condition(condition::COMPARISON_ERROR, error.clone());
            }
        }
        let types: Vec<String> = compared
            .tools
            .iter()
            .map(|t| t.as_str().to_owned())
            .collect();
        if valid.spec.has_multiple_sources() {
            report.status.source_type.clear();
            report.status.source_types = types;
        } else {
            report.status.source_type = types.into_iter().next().unwrap_or_default();
            report.status.source_types.clear();
        }
        report
            .status
            .controller_namespace
            .clone_from(&self.hub.ports.namespace);
        report.status.summary = super::summary::summary(&*compared.cluster, &compared.comparison);
    }

    /// Writes what was learned; an error says when to look again.
    async fn write(
        &self,
        key: &Key,
        application: &Object,
        report: Report,
    ) -> Result<Written, Verdict> {
        let record = self.records.get(key);
        if let Some(left) = record.as_ref().and_then(|record| rest(record, &report)) {
            return Ok(Written::Rests(left));
        }
        let finished = record.as_ref().and_then(|record| record.finished());
        let reports_finish = finished.as_ref().is_some_and(|finished| {
            report.status.operation_state.as_ref().is_some_and(|state| {
                state.started_at == finished.started_at && state.operation == finished.operation
            })
        });
        match self.store(key, application, report).await {
            Ok(is_written) => {
                if is_written && let Some(record) = &record {
                    record.written();
                }
                if reports_finish && let Some(record) = &record {
                    record.reported();
                }
                Ok(Written::Done)
            }
            Err(error) => {
                tracing::debug!(%key, %error, "status is not written");
                Err(self.again_after(key, &error).await)
            }
        }
    }

    /// Stores what is new in a report; whether anything was.
    pub(super) async fn store(
        &self,
        key: &Key,
        application: &Object,
        report: Report,
    ) -> Result<bool, StatusError> {
        let Some(wanted) = report.apply_to(application) else {
            return Ok(false);
        };
        let resource = crate::resources::applications();
        let writing = self.hub.store.writing(key);
        let status = &self.hub.status;
        let written = status.write(&resource, application, &wanted, false).await?;
        if let Some(written) = &written {
            writing.done(written, super::NAME);
        }
        Ok(written.is_some())
    }

    /// Somebody else wrote the Application a moment ago: this pass begins anew on what stands now.
    async fn again_after(&self, key: &Key, error: &StatusError) -> Verdict {
        if error.is_conflict() {
            let api = &self.hub.ports.api;
            let resource = crate::resources::applications();
            let found = api.get(&resource, key.namespace.as_deref(), &key.name);
            if let Ok(Some(found)) = found.await {
                self.hub.store.note_read(&found);
                return Verdict::again(SOON);
            }
        }
        Verdict {
            failure: Some(Class::Transient),
            again: Some(Duration::from_secs(1)),
        }
    }

    /// From now on a commit to one of the sources, or a new version of a chart, wakes the
    /// Application.
    fn follow(&self, key: &Key, valid: &Valid) {
        let followed = self.followed(valid).into_iter();
        // Bases elsewhere are known once they were read.
        let remotes = self.records.get(key).map(|record| record.cache.remotes());
        let remotes = remotes.into_iter().flatten().map(|remote| {
            let sources = &*self.hub.ports.sources;
            argosy_pipeline::followed(sources, &remote, valid.spec.project_name())
        });
        self.follows.set(key, followed.chain(remotes).collect());
    }

    /// The revisions that the sources name, in their order.
    pub(super) fn followed(&self, valid: &Valid) -> Vec<Followed> {
        let (sources, project) = (&self.hub.ports.sources, valid.spec.project_name());
        let all = valid.spec.all_sources().iter();
        all.map(|source| {
            let repo = sources.repo(&source.repo_url, project);
            (repo, argosy_pipeline::wanted_of(source))
        })
        .collect()
    }

    fn forget(&self, key: &Key) {
        self.records.forget(key);
        self.follows.forget(key);
    }
}
