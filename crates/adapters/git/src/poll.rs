//! One poll for each repository and credential, however many follow it.

use crate::failure;
use crate::local::LocalRepository;
use crate::location::{InsteadOf, Location};
use crate::mirror::Mirror;
use crate::place::place_of;
use crate::refs::Unresolved;
use crate::remote::{Access, Remote, Way};
use crate::repository::{Beside, Repository, Snapshot, explain, remedy};
use crate::sources::GitSettings;
use argosy_fetch::{Credentials, Pace, jittered};
use argosy_object::Digest;
use argosy_ports::{Artifact, Clock, CredentialId, RepoRef, Seen, SourceError, Wanted};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// How long an answer "there is no such revision" is not asked for again.
const NEGATIVE: Duration = Duration::from_secs(5);
/// Revisions that are looked for by name in one round of a poll.
const SETTLED_IN_A_ROUND: usize = 16;
/// How long a mirror is kept that nobody looks at.
const UNUSED: Duration = Duration::from_hours(30 * 24);
/// Pauses after looks that a push asked for.
const LATER: [Duration; 2] = [Duration::from_secs(2), Duration::ZERO];

/// What all repositories share.
pub(crate) struct Shared {
    pub settings: GitSettings,
    pub roots: Vec<PathBuf>,
    pub credentials: RwLock<Arc<Credentials>>,
    pub clock: Arc<dyn Clock>,
    pub fetches: Semaphore,
    /// Whether mirrors that nobody uses are gone.
    pub swept: Once,
}

impl Shared {
    pub(crate) fn credentials(&self) -> Arc<Credentials> {
        self.credentials
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// What one receiver follows.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Follow {
    repo: RepoRef,
    wanted: Wanted,
}

/// A repository with those who follow it.
pub(crate) struct Watched {
    shared: Arc<Shared>,
    url: String,
    credential: CredentialId,
    is_local: bool,
    repository: Mutex<Option<Arc<Repository>>>,
    looking: tokio::sync::Mutex<Looked>,
    followers: Mutex<Followers>,
    unknown: Mutex<HashMap<Wanted, (Instant, SourceError)>>,
    looks: AtomicU64,
    is_nudged: AtomicBool,
}

#[derive(Default)]
struct Looked {
    started: Option<Instant>,
    failed: Option<SourceError>,
}

#[derive(Default)]
struct Followers {
    by_wanted: HashMap<Follow, watch::Sender<Seen>>,
    poll: Option<AbortHandle>,
}

impl Watched {
    /// A repository at a URL that is already rewritten.
    pub(crate) fn new(shared: Arc<Shared>, url: String, credential: CredentialId) -> Self {
        let is_local = crate::location::is_local(&url);
        Self {
            shared,
            url,
            credential,
            is_local,
            repository: Mutex::default(),
            looking: tokio::sync::Mutex::default(),
            followers: Mutex::default(),
            unknown: Mutex::default(),
            looks: AtomicU64::new(0),
            is_nudged: AtomicBool::new(false),
        }
    }

    /// How often the repository was looked at.
    pub(crate) fn looks(&self) -> u64 {
        self.looks.load(Ordering::Relaxed)
    }

    /// The newest state that is here.
    fn current(&self) -> Option<Arc<Snapshot>> {
        lock(&self.repository).as_ref()?.current()
    }

    /// Whether a database is that of the newest state.
    pub(crate) fn stands_on(&self, objects: &Arc<crate::objects::Objects>) -> bool {
        self.current()
            .is_some_and(|now| Arc::ptr_eq(&now.objects, objects) && !objects.is_broken())
    }

    /// Finds the place behind the URL; a failure may pass, so it is not kept.
    fn locate(&self) -> Result<Arc<Repository>, SourceError> {
        let mut repository = lock(&self.repository);
        if let Some(found) = &*repository {
            return Ok(found.clone());
        }
        let found = Arc::new(match Location::parse(&self.url, &self.shared.roots)? {
            Location::Disk(path) => {
                let local = LocalRepository::new(&self.url, path, &self.shared.roots);
                Repository::Local(Box::new(local))
            }
            Location::Http { url, userinfo } => {
                let host = argosy_fetch::host(&url).to_owned();
                self.mirror(url, Way::Http, host, userinfo)
            }
            Location::Ssh(address) => {
                let host = address.host.clone();
                let way = Way::Ssh(address, self.shared.settings.ssh.clone());
                self.mirror(self.url.clone(), way, host, None)
            }
        });
        *repository = Some(found.clone());
        Ok(found)
    }

    fn mirror(
        &self,
        url: String,
        way: Way,
        host: String,
        userinfo: Option<(String, String)>,
    ) -> Repository {
        let parts = [self.url.as_bytes(), self.credential.0.as_bytes()];
        let name = &Digest::of_parts(parts).hex()[..32];
        let mirrors = self.shared.settings.data_dir.join("mirrors");
        self.shared
            .swept
            .call_once(|| crate::mirror::upkeep::sweep(&mirrors, UNUSED));
        let dir = mirrors.join(name);
        let shared = self.shared.clone();
        let id = self.credential.clone();
        let access = move || {
            let credentials = shared.credentials();
            let mut credential = credentials.get(&id).ok_or_else(|| {
                failure::unsupported(
                    format!("the Secret `{}` is gone", id.0),
                    Some("create it again, or wait until its users are reconciled".into()),
                )
            })?;
            if let Some((user, password)) = &userinfo
                && credential.id.is_empty()
            {
                credential.username.clone_from(user);
                credential.password = password.clone().into();
            }
            Ok(Access {
                credential,
                authority: credentials.authority(&host).map(str::to_owned),
                known_hosts: credentials.known_hosts(),
            })
        };
        let remote = Remote {
            url,
            way,
            access: Box::new(access),
            proxies: self.shared.settings.proxies.clone(),
            patience: self.shared.settings.patience,
            max_bytes: self.shared.settings.max_fetch_bytes,
            garbage_patience: self.shared.settings.garbage_patience,
        };
        Repository::Mirror(Box::new(Mirror::open(dir, remote)))
    }

    /// Asks whether the repository may be read, and fetches nothing.
    pub(crate) async fn probe(self: &Arc<Self>) -> Result<(), SourceError> {
        let this = self.clone();
        blocking(move || this.locate()?.probe()).await
    }

    /// Looks for a newer state and tells the followers. Callers that come while a look is under
    /// way share the next one.
    pub(crate) async fn look(self: &Arc<Self>, beside: Beside) -> Result<(), SourceError> {
        let asked = Instant::now();
        let mut looked = self.looking.lock().await;
        if beside == Beside::default() && looked.started.is_some_and(|at| at > asked) {
            return looked.failed.clone().map_or(Ok(()), Err);
        }
        let _permit = if self.is_local {
            None
        } else {
            self.shared.fetches.acquire().await.ok()
        };
        looked.started = Some(Instant::now());
        self.looks.fetch_add(1, Ordering::Relaxed);
        let this = self.clone();
        let by_name = beside != Beside::default();
        let result = blocking(move || {
            let result = this
                .locate()
                .and_then(|repository| repository.look(&beside));
            if !by_name || result.is_ok() {
                this.publish(result.as_ref().map(|snapshot| &**snapshot));
            }
            result.map(drop)
        })
        .await;
        // A commit that a server does not know is no failure of the repository.
        looked.failed = if by_name { None } else { result.clone().err() };
        result
    }

    /// Tells every follower what the look means to it; only changes wake anyone.
    fn publish(&self, result: Result<&Snapshot, &SourceError>) {
        let now = self.shared.clock.now();
        let followers: Vec<(Follow, watch::Sender<Seen>)> = lock(&self.followers)
            .by_wanted
            .iter()
            .map(|(follow, sender)| (follow.clone(), sender.clone()))
            .collect();
        for (follow, sender) in followers {
            let found = match result {
                Ok(snapshot) => snapshot
                    .artifact(&follow.repo, &follow.wanted)
                    .map_err(|why| explain(&follow.repo.url, &follow.wanted, why)),
                Err(error) => Err(error.clone()),
            };
            tell(&sender, found, now);
        }
    }

    /// The artifact of a revision, looking at the remote where what is here lacks it.
    pub(crate) async fn resolve(
        self: &Arc<Self>,
        repo: &RepoRef,
        wanted: &Wanted,
    ) -> Result<Artifact, SourceError> {
        let this = self.clone();
        // A mirror from an earlier process may be there already.
        let is_here = blocking(move || Ok(this.locate()?.current().is_some())).await?;
        if !is_here {
            self.look(Beside::default()).await?;
        }
        let unresolved = match self.try_resolve(repo, wanted).await? {
            Ok(artifact) => return Ok(artifact),
            Err(unresolved) => unresolved,
        };
        if let Some((at, error)) = lock(&self.unknown).get(wanted)
            && at.elapsed() < NEGATIVE
            && !self.is_local
        {
            return Err(error.clone());
        }
        let error = match self.look(remedy(wanted, &unresolved)).await {
            Ok(()) => match self.try_resolve(repo, wanted).await? {
                Ok(artifact) => return Ok(artifact),
                Err(unresolved) => explain(&repo.url, wanted, unresolved),
            },
            Err(error) => error,
        };
        let mut unknown = lock(&self.unknown);
        if unknown.len() > 1000 {
            unknown.clear();
        }
        unknown.insert(wanted.clone(), (Instant::now(), error.clone()));
        Err(error)
    }

    async fn try_resolve(
        self: &Arc<Self>,
        repo: &RepoRef,
        wanted: &Wanted,
    ) -> Result<Result<Artifact, Unresolved>, SourceError> {
        let (this, repo, wanted) = (self.clone(), repo.clone(), wanted.clone());
        blocking(move || {
            Ok(match this.current() {
                Some(snapshot) => snapshot.artifact(&repo, &wanted),
                None => Err(Unresolved::Unknown(None)),
            })
        })
        .await
    }

    /// The state that holds a commit.
    pub(crate) async fn holding(
        self: &Arc<Self>,
        repo: &RepoRef,
        revision: &str,
    ) -> Result<Arc<Snapshot>, SourceError> {
        let wanted = Wanted {
            revision: revision.into(),
            ..Wanted::default()
        };
        self.resolve(repo, &wanted).await?;
        self.current()
            .ok_or_else(|| failure::storage(&self.url, "open the mirror", &"it is damaged"))
    }

    /// Follows a revision, starting the poll with the first follower.
    pub(crate) fn follow(
        self: &Arc<Self>,
        repo: &RepoRef,
        wanted: &Wanted,
    ) -> watch::Receiver<Seen> {
        let follow = Follow {
            repo: repo.clone(),
            wanted: wanted.clone(),
        };
        let mut followers = lock(&self.followers);
        if let Some(sender) = followers.by_wanted.get(&follow) {
            return sender.subscribe();
        }
        let (sender, receiver) = watch::channel(Seen::default());
        followers.by_wanted.insert(follow.clone(), sender);
        if followers.poll.is_none() {
            followers.poll = Some(tokio::spawn(self.clone().poll()).abort_handle());
        } else {
            let this = self.clone();
            tokio::spawn(async move { this.settle(&follow).await });
        }
        receiver
    }

    /// Whether it is followed, and one of these places.
    pub(crate) fn is_one_of(&self, places: &[String]) -> bool {
        let followers = lock(&self.followers);
        let mut urls = followers.by_wanted.keys().map(|follow| &*follow.repo.url);
        let is_one = |url: &str| place_of(url).is_some_and(|place| places.contains(&place));
        // What it is read from counts as well, where rules lead there.
        urls.next()
            .is_some_and(|first| is_one(first) || is_one(&self.url))
            || urls.any(is_one)
    }

    /// Looks at once, and again a little later where there was nothing new: a server may tell of
    /// a push before it shows it. More nudges meanwhile are one.
    pub(crate) fn nudge(self: &Arc<Self>) {
        if self.is_nudged.swap(true, Ordering::SeqCst) {
            return;
        }
        let this = self.clone();
        let nudged = async move {
            for pause in LATER {
                let before = this.current();
                this.is_nudged.store(false, Ordering::SeqCst);
                let looked = this.look(Beside::default()).await;
                let is_new = match (before, this.current()) {
                    (Some(before), Some(now)) => !Arc::ptr_eq(&before, &now),
                    (before, now) => before.is_some() != now.is_some(),
                };
                if (looked.is_ok() && is_new) || this.is_nudged.swap(true, Ordering::SeqCst) {
                    return;
                }
                tokio::time::sleep(pause).await;
            }
            this.is_nudged.store(false, Ordering::SeqCst);
        };
        spawn(nudged);
    }

    /// Looks at once where the last look failed: the credential may be another one now.
    pub(crate) fn retry(self: &Arc<Self>) {
        let has_failed = match self.looking.try_lock() {
            Ok(looked) => looked.failed.is_some(),
            Err(_) => true,
        };
        if has_failed && !lock(&self.followers).by_wanted.is_empty() {
            let this = self.clone();
            spawn(async move {
                // The failure is told to those who follow.
                let _ = this.look(Beside::default()).await;
            });
        }
    }

    /// Resolves for one follower.
    async fn settle(self: &Arc<Self>, follow: &Follow) {
        let found = self.resolve(&follow.repo, &follow.wanted).await;
        let now = self.shared.clock.now();
        if let Some(sender) = lock(&self.followers).by_wanted.get(follow) {
            tell(sender, found, now);
        }
    }

    async fn poll(self: Arc<Self>) {
        let (mut failures, mut round) = (0, 0);
        while self.is_followed() {
            match self.look(Beside::default()).await {
                Ok(()) => failures = 0,
                Err(_) => failures += 1,
            }
            if failures == 0 && !self.is_local {
                for follow in self.unsettled() {
                    self.settle(&follow).await;
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

    /// Followers of a revision that has never been found.
    fn unsettled(&self) -> Vec<Follow> {
        lock(&self.followers)
            .by_wanted
            .iter()
            .filter(|(_, sender)| {
                let seen = sender.borrow();
                seen.artifact.is_none() && seen.error.is_some()
            })
            .map(|(follow, _)| follow.clone())
            .take(SETTLED_IN_A_ROUND)
            .collect()
    }

    fn delay(&self, failures: u32, round: u64) -> Duration {
        let settings = &self.shared.settings;
        let interval = if self.is_local {
            settings.local_interval
        } else {
            settings.remote_interval
        };
        let pace = Pace {
            interval,
            max_backoff: settings.max_backoff,
        };
        // A look at the local disk costs nobody else anything.
        if failures == 0 && self.is_local {
            interval
        } else {
            jittered(pace.after(failures), &self.url, round)
        }
    }

    /// Ends the poll.
    pub(crate) fn stop(&self) {
        if let Some(poll) = lock(&self.followers).poll.take() {
            poll.abort();
        }
    }
}

/// Runs a task where there is a runtime; a command without one has nobody who follows.
fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(task);
    }
}

/// The URL a repository is really read from.
pub(crate) fn effective_url(shared: &Shared, url: &str) -> String {
    InsteadOf::apply(&shared.settings.instead_of, url.trim())
}

fn tell(sender: &watch::Sender<Seen>, found: Result<Artifact, SourceError>, now: jiff::Timestamp) {
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
                    .is_some_and(|e| e.kind == error.kind && e.message == error.message);
                seen.error = Some(error);
                !same
            }
        }
    });
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(SourceError {
            kind: argosy_ports::SourceErrorKind::Unreachable,
            message: format!("reading a repository ended unexpectedly: {error}"),
            hint: None,
        }),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
