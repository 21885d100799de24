//! The first revision of a release.

use crate::error::{Failed, ReleaseError};
use crate::notice::Level;
use crate::render::Rendered;
use crate::request::{InstallRequest, ServerSide};
use crate::{Releases, drive};
use argosy_helm::crds_of;
use argosy_helm::release::{
    Adoption, ApplyChoice, Job, NewRelease, Plan, Release, Status, WaitFor, WaitStrategy,
    has_system_labels, name_fault, new_release, stamp_ownership, system_labels_text,
};
use argosy_object::{Object, json};
use std::time::Duration;

/// Compat: how long CRDs may take to be served.
const CRD_TIMEOUT: Duration = Duration::from_mins(1);

impl Releases {
    /// Installs a chart, or says what an installation would be.
    ///
    /// # Errors
    /// [`Failed`], in Helm's words.
    pub async fn install(&self, request: InstallRequest) -> Result<Release, Failed> {
        let dry_run = request.options.dry_run;
        if dry_run.sees_cluster() {
            self.reach().await.map_err(|error| {
                let text = format!("cluster reachability check failed: {error}");
                self.notices.log(Level::Error, &text, &[]);
                ReleaseError::Refused(text)
            })?;
        }
        if request.hide_secret && !dry_run.is_dry() {
            let text = "hiding Kubernetes secrets requires a dry-run mode";
            self.notices.log(Level::Error, text, &[]);
            return Err(ReleaseError::Refused(text.into()).into());
        }
        self.check_name(&request).await?;
        let brings_crds = !request.skip_crds && dry_run.sees_cluster();
        if brings_crds {
            self.bring_crds(&request).await?;
        }
        let mut release = self.render_install(&request).await?;
        let choice = install_choice(&request);
        let (targets, originals) = if dry_run.sees_cluster() {
            self.plan_install(&request, &release).await?
        } else {
            (Vec::new(), Vec::new())
        };
        if dry_run.is_dry() {
            "Dry run complete".clone_into(&mut release.info.description);
            return Ok(release);
        }
        if request.create_namespace {
            self.bring_namespace(choice.server_side).await?;
        }
        if request.replace {
            self.replace_last(&mut release).await?;
        }
        let options = &request.options;
        let plan = Plan {
            targets,
            originals,
            choice,
            wait: options.strategy(),
            wait_for_jobs: options.wait_for_jobs,
            timeout: options.timeout,
            no_hooks: options.no_hooks,
            rollback_on_failure: options.rollback_on_failure,
            description: options.description.clone(),
            ..Plan::new(Job::Install, release)
        };
        let outcome = self.drive(plan, options, &drive::unshown).await;
        drive::result(outcome)
    }

    /// Whether the cluster answers.
    pub(crate) async fn reach(&self) -> Result<(), ReleaseError> {
        let facts = self.cluster.facts().await;
        facts.map(|_| ()).map_err(ReleaseError::Unreachable)
    }

    async fn check_name(&self, request: &InstallRequest) -> Result<(), ReleaseError> {
        let name = &request.name;
        let mut fault = name_fault(name).map(|fault| format!("release name {name:?}: {fault}"));
        if fault.is_none() && !request.options.dry_run.is_dry() {
            let history = self.store.history(name).await?;
            if let Ok(last) = history.last() {
                let is_free = matches!(last.info.status, Status::Uninstalled | Status::Failed);
                if !(request.replace && is_free) {
                    fault = Some("cannot reuse a name that is still in use".to_owned());
                }
            }
        }
        let Some(fault) = fault else { return Ok(()) };
        let fields = [("error", &*fault)];
        self.notices
            .log(Level::Error, "release name check failed", &fields);
        let text = format!("release name check failed: {fault}");
        Err(ReleaseError::Refused(text))
    }

    async fn render_install(&self, request: &InstallRequest) -> Result<Release, ReleaseError> {
        let dry_run = request.options.dry_run;
        let facts = match dry_run.sees_cluster() {
            true => {
                let facts = self.cluster.facts().await;
                Some(facts.map_err(ReleaseError::Unreachable)?)
            }
            false => None,
        };
        let rendering = self
            .render(Rendered {
                name: &request.name,
                namespace: self.namespace(),
                chart: &request.chart,
                values: request.values.clone(),
                version: 1,
                is_upgrade: false,
                looks_up: dry_run.sees_cluster(),
                facts,
                skip_schema_validation: request.skip_schema_validation,
                seed: request.seed,
                outside: request.outside.clone(),
            })
            .await?;
        if has_system_labels(&request.labels) {
            return Err(ReleaseError::Refused(system_labels_text()));
        }
        let new = NewRelease {
            name: &request.name,
            namespace: self.namespace(),
            version: 1,
            rendering: &rendering,
            config: request.values.clone(),
            labels: request.labels.clone(),
            server_side: is_server_side(request),
            hides_secrets: request.hide_secret,
            subchart_notes: request.subchart_notes,
            first_deployed: None,
            now: self.now(),
        };
        Ok(new_release(
            new,
            Status::PendingInstall,
            "Initial install underway",
        ))
    }

    /// The objects to make, and those that are there already and become the release's.
    async fn plan_install(
        &self,
        request: &InstallRequest,
        release: &Release,
    ) -> Result<(Vec<Object>, Vec<Object>), ReleaseError> {
        let mut targets = self.build(&release.manifest).await.map_err(|error| {
            ReleaseError::Refused(format!(
                "unable to build kubernetes objects from release manifest: {error}"
            ))
        })?;
        for target in &mut targets {
            stamp_ownership(target, &release.name, &release.namespace);
        }
        let rule = Adoption {
            name: &release.name,
            namespace: &release.namespace,
            takes_ownership: request.options.take_ownership,
        };
        let adopted = self.adopted(&targets, rule).await.map_err(|error| {
            ReleaseError::Refused(format!("unable to continue with install: {error}"))
        })?;
        Ok((targets, adopted))
    }

    /// Installs `crds/`, file by file; what is there stays as it is.
    async fn bring_crds(&self, request: &InstallRequest) -> Result<(), ReleaseError> {
        let crds = self.crds_of(request)?;
        if crds.is_empty() {
            return Ok(());
        }
        if request.options.dry_run.is_dry() {
            let text = "This chart or one of its subcharts contains CRDs. Rendering may fail or \
                        contain inaccuracies.";
            self.notices.log(Level::Warn, text, &[]);
            return Ok(());
        }
        let mut brought = Vec::new();
        for (path, text) in crds {
            let name = path.split_once('/').map_or(&*path, |(_, name)| name);
            let failed = |error: &dyn std::fmt::Display| {
                ReleaseError::Refused(format!("failed to install CRD {name}: {error}"))
            };
            let objects = self.build(&text).await.map_err(|error| failed(&error))?;
            if objects.is_empty() {
                return Err(failed(&"resources are empty"));
            }
            let choice = install_choice(request);
            for object in &objects {
                self.bring(object, choice)
                    .await
                    .map_err(|error| failed(&error))?;
            }
            brought.extend(objects);
        }
        // Compat: helm goes on at once unless it waits; here the kinds must be served first.
        self.wait(&brought, WaitFor::Ready, WaitStrategy::Watcher, CRD_TIMEOUT)
            .await
            .map_err(ReleaseError::Refused)?;
        let facts = self.cluster.fresh_facts().await;
        facts.map(|_| ()).map_err(ReleaseError::Unreachable)
    }

    fn crds_of(&self, request: &InstallRequest) -> Result<Vec<(String, String)>, ReleaseError> {
        let found = crds_of(&request.chart, &request.values);
        found.map_err(|error| {
            let text = error.to_string();
            let prefix = "chart dependencies processing failed";
            if let Some(why) = text.strip_prefix(prefix) {
                let fields = [("error", why.trim_start_matches(": "))];
                self.notices.log(Level::Error, prefix, &fields);
            }
            error.into()
        })
    }

    /// Makes an object; without server-side apply one that is there stays as it is.
    async fn bring(&self, object: &Object, choice: ApplyChoice) -> Result<(), String> {
        if !choice.server_side {
            let live = self.live(object).await.map_err(|error| error.to_string())?;
            if live.is_some() {
                return Ok(());
            }
        }
        self.create_one(object, choice.server_side, choice.force_conflicts)
            .await
    }

    async fn bring_namespace(&self, server_side: bool) -> Result<(), ReleaseError> {
        let name = self.namespace();
        let namespace = Object::from_trusted(json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": name, "labels": {"name": name}},
        }));
        let choice = ApplyChoice {
            server_side,
            ..ApplyChoice::default()
        };
        self.bring(&namespace, choice)
            .await
            .map_err(ReleaseError::Refused)
    }

    /// `--replace`: the new revision follows the last one.
    async fn replace_last(&self, release: &mut Release) -> Result<(), ReleaseError> {
        let history = self.store.history(&release.name).await?;
        let Ok(mut last) = history.last() else {
            return Ok(());
        };
        release.version = last.version + 1;
        if last.info.status == Status::Failed {
            return Ok(());
        }
        last.set_status(Status::Superseded, "superseded by new release");
        let written = self.store.update(&last).await;
        written.map_err(ReleaseError::Refused)
    }
}

/// Compat: an install is server-side unless told otherwise.
fn is_server_side(request: &InstallRequest) -> bool {
    request.options.server_side != ServerSide::No
}

fn install_choice(request: &InstallRequest) -> ApplyChoice {
    let server_side = is_server_side(request);
    ApplyChoice {
        server_side,
        force_conflicts: request.options.force_conflicts,
        force_replace: request.options.force_replace,
        merges_custom: request.options.take_ownership && !server_side,
        upgrades_manager: true,
    }
}
