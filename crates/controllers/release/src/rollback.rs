//! An old revision of a release again.

use crate::error::{Failed, ReleaseError};
use crate::request::RollbackRequest;
use crate::{Releases, drive};
use argosy_helm::release::{
    ApplyChoice, Job, Plan, Release, name_fault, rolled_back, stamp_ownership,
};

impl Releases {
    /// Goes back to a revision.
    ///
    /// # Errors
    /// [`Failed`], in Helm's words.
    pub async fn rollback(&self, request: RollbackRequest) -> Result<Release, Failed> {
        self.reach().await?;
        let refused = ReleaseError::Refused;
        let name = &request.name;
        if name_fault(name).is_some() {
            let text = format!("prepareRollback: Release name is invalid: {name}");
            return Err(refused(text).into());
        }
        if request.version < 0 {
            return Err(refused("invalid release revision".into()).into());
        }
        let options = &request.options;
        let history = self.store.history(name).await?;
        let current = history.last().map_err(ReleaseError::from)?;
        let version = match request.version {
            0 => current.version - 1,
            version => version,
        };
        if !history.has(version) {
            return Err(refused(format!("release has no {version} version")).into());
        }
        let to = self.store.get(name, version).await?;
        let server_side = options.server_side.decide(&to.apply_method);
        let release = rolled_back(&current, &to, server_side, self.now());
        if options.dry_run.is_dry() {
            return Ok(release);
        }
        let built = |which: &'static str| {
            move |error: argosy_helm::release::BuildError| {
                ReleaseError::Refused(format!(
                    "unable to build kubernetes objects from {which} release manifest: {error}"
                ))
            }
        };
        // Compat: helm builds them once the record is there, which a fault leaves pending.
        let originals = self.build(&current.manifest).await;
        let originals = originals.map_err(built("current"))?;
        let targets = self.build(&release.manifest).await;
        let mut targets = targets.map_err(built("new"))?;
        for target in &mut targets {
            stamp_ownership(target, &release.name, &release.namespace);
        }
        let plan = Plan {
            previous: Some(current),
            targets,
            originals,
            choice: ApplyChoice {
                server_side,
                force_conflicts: options.force_conflicts,
                force_replace: options.force_replace,
                merges_custom: false,
                upgrades_manager: true,
            },
            wait: options.strategy(),
            wait_for_jobs: options.wait_for_jobs,
            timeout: options.timeout,
            no_hooks: options.no_hooks,
            cleanup_on_fail: options.cleanup_on_fail,
            history_max: options.history_max,
            ..Plan::new(Job::Rollback, release)
        };
        let outcome = self.drive(plan, options, &drive::unshown).await;
        drive::result(outcome)
    }
}
