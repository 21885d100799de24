//! The end of a release, and its tests.

use crate::Releases;
use crate::drive::{self, Show};
use crate::error::{Failed, ReleaseError};
use crate::request::{Options, TestRequest, UninstallRequest};
use argosy_helm::release::{
    ApplyChoice, Entry, Job, Plan, Release, Status, WaitStrategy, name_fault, removal,
};

/// What an uninstall came to.
#[derive(Clone, Debug)]
pub struct Uninstalled {
    /// The last revision; `None` where there was no release.
    pub release: Option<Box<Release>>,
    /// What stays, in Helm's words; empty where nothing does.
    pub info: String,
}

impl Releases {
    /// Uninstalls a release.
    ///
    /// # Errors
    /// [`Failed`], in Helm's words.
    pub async fn uninstall(&self, request: UninstallRequest) -> Result<Uninstalled, Failed> {
        self.reach().await?;
        let name = &request.name;
        let refused = ReleaseError::Refused;
        if request.dry_run {
            return self.dry_uninstall(&request).await;
        }
        if name_fault(name).is_some() {
            let text = format!("uninstall: Release name is invalid: {name}");
            return Err(refused(text).into());
        }
        let history = self.store.history(name).await;
        let found = match history {
            Ok(history) if history.is_empty() => Err("release: not found".to_owned()),
            Ok(history) => Ok(history),
            Err(error) => Err(error.to_string()),
        };
        let history = match found {
            Ok(history) => history,
            Err(_) if request.ignore_not_found => return Ok(nothing()),
            Err(error) => {
                let text = format!("uninstall: Release not loaded: {name}: {error}");
                return Err(refused(text).into());
            }
        };
        let readable = history
            .entries()
            .iter()
            .filter(|entry| entry.read().is_ok());
        let mut revisions: Vec<i64> = readable.filter_map(Entry::version).collect();
        revisions.reverse();
        let release = history
            .last()
            .map_err(|_| refused("no release provided".into()))?;
        if release.info.status == Status::Uninstalled {
            return self.purge(&request, release, &revisions).await;
        }
        let removal = removal(&release)
            .map_err(|error| refused(format!("failed to delete release: {name}: {error}")))?;
        let targets = self.build(&removal.manifest).await.map_err(|error| {
            refused(format!(
                "failed to delete release: {name}: unable to build kubernetes objects for \
                 delete: {error}"
            ))
        })?;
        let options = &request.options;
        let kept = if removal.kept.is_empty() {
            String::new()
        } else {
            format!(
                "These resources were kept due to the resource policy:\n{}",
                removal.kept
            )
        };
        let plan = Plan {
            targets,
            wait: options.wait,
            timeout: options.timeout,
            no_hooks: options.no_hooks,
            description: options.description.clone(),
            keep_history: request.keep_history,
            revisions,
            kept,
            cascade: request.cascade,
            ..Plan::new(Job::Uninstall, release)
        };
        let outcome = self.drive(plan, options, &drive::unshown).await;
        let info = outcome.kept.clone();
        let release = drive::result(outcome)?;
        Ok(Uninstalled {
            release: Some(Box::new(release)),
            info,
        })
    }

    async fn dry_uninstall(&self, request: &UninstallRequest) -> Result<Uninstalled, Failed> {
        match self.content(&request.name, 0).await {
            Ok(release) => Ok(Uninstalled {
                release: Some(Box::new(release)),
                info: String::new(),
            }),
            Err(ReleaseError::History(_)) if request.ignore_not_found => Ok(nothing()),
            Err(error) => Err(error.into()),
        }
    }

    /// Forgets a release that is uninstalled already.
    async fn purge(
        &self,
        request: &UninstallRequest,
        release: Release,
        revisions: &[i64],
    ) -> Result<Uninstalled, Failed> {
        let name = &request.name;
        if request.keep_history {
            let text = format!("the release named {name:?} is already deleted");
            return Err(ReleaseError::Refused(text).into());
        }
        for version in revisions {
            self.store.forget(name, *version).await.map_err(|error| {
                ReleaseError::Refused(format!("uninstall: Failed to purge the release: {error}"))
            })?;
        }
        Ok(Uninstalled {
            release: Some(Box::new(release)),
            info: String::new(),
        })
    }

    /// Runs a release's tests; `show` sees how they went before their objects go.
    ///
    /// # Errors
    /// [`Failed`], in Helm's words.
    pub async fn test(&self, request: TestRequest, show: &Show<'_>) -> Result<Release, Failed> {
        self.reach().await?;
        let name = &request.name;
        if name_fault(name).is_some() {
            let text = format!("releaseTest: Release name is invalid: {name}");
            return Err(ReleaseError::Refused(text).into());
        }
        let history = self.store.history(name).await?;
        let release = history.last().map_err(ReleaseError::from)?;
        let (release, first_hook) = select(release, &request);
        let options = Options {
            timeout: request.timeout,
            ..Options::default()
        };
        let plan = Plan {
            choice: ApplyChoice {
                server_side: release.is_server_side(),
                ..ApplyChoice::default()
            },
            wait: WaitStrategy::Watcher,
            timeout: request.timeout,
            first_hook,
            ..Plan::new(Job::Test, release)
        };
        let outcome = self.drive(plan, &options, show).await;
        drive::result(outcome)
    }
}

fn nothing() -> Uninstalled {
    Uninstalled {
        release: None,
        info: String::new(),
    }
}

/// Puts the hooks that are not to run before the others; gives the place of the first that is.
fn select(mut release: Release, request: &TestRequest) -> (Release, usize) {
    let is_skipped = |name: &String| {
        request.without.contains(name) || (!request.only.is_empty() && !request.only.contains(name))
    };
    let hooks = std::mem::take(&mut release.hooks);
    let (skipped, runs): (Vec<_>, Vec<_>) =
        hooks.into_iter().partition(|hook| is_skipped(&hook.name));
    let first = skipped.len();
    release.hooks = skipped.into_iter().chain(runs).collect();
    (release, first)
}
