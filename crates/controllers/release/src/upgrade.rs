//! Another revision of a release.

use crate::error::{Failed, ReleaseError};
use crate::render::Rendered;
use crate::request::UpgradeRequest;
use crate::{Releases, drive};
use argosy_helm::release::{
    Adoption, ApplyChoice, HistoryError, Job, NewRelease, Plan, Release, Status, has_system_labels,
    is_pending, merge_labels, name_fault, new_release, reused_values, stamp_ownership,
    system_labels_text,
};
use argosy_object::Object;

/// What an upgrade starts from.
struct Before {
    /// The last revision.
    last: Release,
    /// The one whose objects the cluster has.
    current: Release,
}

impl Releases {
    /// Upgrades a release, or says what an upgrade would be.
    ///
    /// # Errors
    /// [`Failed`], in Helm's words.
    pub async fn upgrade(&self, request: UpgradeRequest) -> Result<Release, Failed> {
        self.reach().await?;
        let name = &request.name;
        if name_fault(name).is_some() {
            return Err(ReleaseError::Refused(format!("release name is invalid: {name}")).into());
        }
        let options = &request.options;
        if request.hide_secret && !options.dry_run.is_dry() {
            let text = "hiding Kubernetes secrets requires a dry-run mode";
            return Err(ReleaseError::Refused(text.into()).into());
        }
        let before = self.before(name).await?;
        let server_side = options.server_side.decide(&before.last.apply_method);
        let mut release = self.render_upgrade(&request, &before, server_side).await?;
        let (targets, originals) = self.plan_upgrade(&request, &before, &release).await?;
        if options.dry_run.is_dry() {
            let given = &options.description;
            release.info.description = if given.is_empty() {
                "Dry run complete".to_owned()
            } else {
                given.clone()
            };
            return Ok(release);
        }
        let was_client_side = !before.current.is_server_side();
        let plan = Plan {
            previous: Some(before.current),
            targets,
            originals,
            choice: ApplyChoice {
                server_side,
                force_conflicts: options.force_conflicts,
                force_replace: options.force_replace,
                merges_custom: false,
                upgrades_manager: was_client_side && server_side,
            },
            wait: options.strategy(),
            wait_for_jobs: options.wait_for_jobs,
            timeout: options.timeout,
            no_hooks: options.no_hooks,
            rollback_on_failure: options.rollback_on_failure,
            cleanup_on_fail: options.cleanup_on_fail,
            description: options.description.clone(),
            history_max: options.history_max,
            ..Plan::new(Job::Upgrade, release)
        };
        let outcome = self.drive(plan, options, &drive::unshown).await;
        drive::result(outcome)
    }

    async fn before(&self, name: &str) -> Result<Before, ReleaseError> {
        let history = self.store.history(name).await?;
        let last = match history.last() {
            Err(HistoryError::NotFound) => {
                return Err(HistoryError::NotDeployed(name.to_owned()).into());
            }
            last => last?,
        };
        if is_pending(&last) {
            return Err(ReleaseError::Pending);
        }
        let current = if last.info.status == Status::Deployed {
            last.clone()
        } else {
            match history.deployed() {
                Err(_) if matches!(last.info.status, Status::Failed | Status::Superseded) => {
                    last.clone()
                }
                found => found?,
            }
        };
        Ok(Before { last, current })
    }

    async fn render_upgrade(
        &self,
        request: &UpgradeRequest,
        before: &Before,
        server_side: bool,
    ) -> Result<Release, ReleaseError> {
        let current = &before.current;
        let mut chart = request.chart.clone();
        let values = reused_values(request.reuse, &mut chart, current, request.values.clone())?;
        let version = before.last.version + 1;
        let facts = self.cluster.facts().await;
        let rendering = self
            .render(Rendered {
                name: &request.name,
                namespace: &current.namespace,
                chart: &chart,
                values: values.clone(),
                version,
                is_upgrade: true,
                looks_up: request.options.dry_run.sees_cluster(),
                facts: Some(facts.map_err(ReleaseError::Unreachable)?),
                skip_schema_validation: request.skip_schema_validation,
                seed: request.seed,
                outside: request.outside.clone(),
            })
            .await
            .map_err(without_dependencies_prefix)?;
        if has_system_labels(&request.labels) {
            return Err(ReleaseError::Refused(system_labels_text()));
        }
        let new = NewRelease {
            name: &request.name,
            namespace: &current.namespace,
            version,
            rendering: &rendering,
            config: values,
            labels: merge_labels(before.last.labels.clone(), &request.labels),
            server_side,
            hides_secrets: request.hide_secret,
            subchart_notes: request.subchart_notes,
            first_deployed: current.info.first_deployed,
            now: self.now(),
        };
        Ok(new_release(
            new,
            Status::PendingUpgrade,
            "Preparing upgrade",
        ))
    }

    /// The objects of the new revision, and those that the cluster has for it.
    async fn plan_upgrade(
        &self,
        request: &UpgradeRequest,
        before: &Before,
        release: &Release,
    ) -> Result<(Vec<Object>, Vec<Object>), ReleaseError> {
        let refused = ReleaseError::Refused;
        let targets = self.build(&release.manifest).await;
        let mut targets = targets.map_err(|error| refused(error.to_string()))?;
        let originals = self.build(&before.current.manifest).await;
        let mut originals = originals.map_err(|error| {
            refused(format!(
                "unable to build kubernetes objects from current release manifest: {error}"
            ))
        })?;
        for target in &mut targets {
            stamp_ownership(target, &release.name, &release.namespace);
        }
        let is_new = |target: &&Object| {
            let is_same =
                |found: &Object| found.gvk() == target.gvk() && found.key() == target.key();
            !originals.iter().any(is_same)
        };
        let new: Vec<Object> = targets.iter().filter(is_new).cloned().collect();
        let rule = Adoption {
            name: &release.name,
            namespace: &release.namespace,
            takes_ownership: request.options.take_ownership,
        };
        let adopted = self.adopted(&new, rule).await;
        let adopted =
            adopted.map_err(|error| refused(format!("unable to continue with update: {error}")))?;
        originals.extend(adopted);
        Ok((targets, originals))
    }
}

/// Compat: an upgrade tells faults of dependencies without saying so.
fn without_dependencies_prefix(error: ReleaseError) -> ReleaseError {
    let text = error.to_string();
    match text.strip_prefix("chart dependencies processing failed: ") {
        Some(rest) => ReleaseError::Refused(rest.to_owned()),
        None => error,
    }
}
