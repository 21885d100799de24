//! One poll for each chart repository and credential, however many follow it.

use super::{Shared, lock};
use crate::registry::reference::is_digest;
use argosy_fetch::{Pace, jittered};
use argosy_object::Str;
use argosy_ports::{Artifact, RepoRef, Seen, SourceError, Wanted};
use argosy_semver::Version;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// A repository with those who follow it.
pub(super) struct Watched {
    shared: Arc<Shared>,
    repo: RepoRef,
    followers: Mutex<Followers>,
}

#[derive(Default)]
struct Followers {
    by_wanted: HashMap<Wanted, watch::Sender<Seen>>,
    poll: Option<AbortHandle>,
}

impl Watched {
    pub(super) fn new(shared: Arc<Shared>, repo: RepoRef) -> Self {
        Self {
            shared,
            repo,
            followers: Mutex::default(),
        }
    }

    pub(super) fn follow(self: &Arc<Self>, wanted: &Wanted) -> watch::Receiver<Seen> {
        let mut followers = lock(&self.followers);
        if let Some(sender) = followers.by_wanted.get(wanted) {
            return sender.subscribe();
        }
        let (sender, receiver) = watch::channel(Seen::default());
        followers.by_wanted.insert(wanted.clone(), sender);
        if followers.poll.is_none() {
            followers.poll = Some(tokio::spawn(self.clone().poll()).abort_handle());
        } else {
            let (this, wanted) = (self.clone(), wanted.clone());
            tokio::spawn(async move { this.settle(&wanted).await });
        }
        receiver
    }

    /// Looks at the repository and tells the followers.
    pub(super) async fn look(self: &Arc<Self>) -> Result<(), SourceError> {
        let charts = self.moving_charts();
        let repo = self.repo.clone();
        let chart: Str = charts.first().cloned().unwrap_or_default();
        let gate = self.shared.gate(&self.repo);
        let looked = match gate.look().await {
            Err(error) => Err(error),
            Ok(turn) => {
                let looked = self
                    .shared
                    .clone()
                    .blocking(&self.repo, &chart, move |shared| {
                        shared.look(&repo, &charts)
                    })
                    .await;
                drop(turn);
                looked
            }
        };
        match &looked {
            Ok(()) => {
                let wanted: Vec<Wanted> = lock(&self.followers).by_wanted.keys().cloned().collect();
                for wanted in wanted {
                    self.settle(&wanted).await;
                }
            }
            Err(error) => {
                for wanted in self.unsettled() {
                    self.tell(&wanted, Err(error.clone()));
                }
            }
        }
        looked
    }

    async fn settle(self: &Arc<Self>, wanted: &Wanted) {
        let found = self.shared.clone().resolve(&self.repo, wanted).await;
        self.tell(wanted, found);
    }

    fn tell(&self, wanted: &Wanted, found: Result<Artifact, SourceError>) {
        let now = self.shared.clock.now();
        let followers = lock(&self.followers);
        let Some(sender) = followers.by_wanted.get(wanted) else {
            return;
        };
        sender.send_if_modified(|seen| {
            seen.at = Some(now);
            match found {
                Ok(artifact) => {
                    let same = seen.error.is_none() && seen.artifact.as_ref() == Some(&artifact);
                    seen.artifact = Some(artifact);
                    seen.error = None;
                    !same
                }
                Err(error) => {
                    let same = seen
                        .error
                        .as_ref()
                        .is_some_and(|old| old.kind == error.kind && old.message == error.message);
                    seen.error = Some(error);
                    !same
                }
            }
        });
    }

    /// The first round settles by what `resolve` finds out; only ranges, and what was not found,
    /// are looked for again.
    async fn poll(self: Arc<Self>) {
        let (mut failures, mut round) = (0_u32, 0_u64);
        while self.is_followed() {
            if round == 0 {
                let wanted: Vec<Wanted> = lock(&self.followers).by_wanted.keys().cloned().collect();
                for wanted in wanted {
                    self.settle(&wanted).await;
                }
            } else if !self.unsettled().is_empty() {
                match self.look().await {
                    Ok(()) => failures = 0,
                    Err(_) => failures += 1,
                }
            }
            round += 1;
            tokio::time::sleep(self.delay(failures, round)).await;
        }
    }

    /// Forgets followers that are gone; with the last one the poll ends.
    fn is_followed(&self) -> bool {
        let mut followers = lock(&self.followers);
        followers.by_wanted.retain(|_, sender| !sender.is_closed());
        if followers.by_wanted.is_empty() {
            followers.poll = None;
        }
        followers.poll.is_some()
    }

    /// What may still become something else: ranges, and what was not found.
    fn unsettled(&self) -> Vec<Wanted> {
        let followers = lock(&self.followers);
        let unsettled = followers.by_wanted.iter().filter(|(wanted, sender)| {
            let seen = sender.borrow();
            seen.artifact.is_none() || seen.error.is_some() || is_range(wanted)
        });
        unsettled.map(|(wanted, _)| wanted.clone()).collect()
    }

    /// The charts of which a range is followed.
    fn moving_charts(&self) -> Vec<Str> {
        let followers = lock(&self.followers);
        let ranges = followers.by_wanted.keys().filter(|wanted| is_range(wanted));
        let mut charts: Vec<Str> = ranges.map(|wanted| wanted.chart.clone()).collect();
        charts.sort();
        charts.dedup();
        charts
    }

    fn delay(&self, failures: u32, round: u64) -> Duration {
        let settings = &self.shared.settings;
        let pace = Pace {
            interval: settings.interval,
            max_backoff: settings.max_backoff,
        };
        jittered(pace.after(failures), &self.repo.url, round)
    }

    /// Ends the poll.
    pub(super) fn stop(&self) {
        if let Some(poll) = lock(&self.followers).poll.take() {
            poll.abort();
        }
    }
}

/// Whether a revision may become something else: a range, and without a chart any tag.
fn is_range(wanted: &Wanted) -> bool {
    if wanted.chart.is_empty() {
        !is_digest(&wanted.revision)
    } else {
        Version::parse(&wanted.revision).is_err()
    }
}
