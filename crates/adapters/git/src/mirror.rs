//! A bare mirror of one remote repository for one credential.
//!
//! The folder holds `objects/`, a `snapshot` of the references and a `lock`. A fetch writes one
//! pack and then replaces the snapshot in a single rename, so a process that is killed leaves
//! the state before or after. A mirror that is damaged is cloned anew beside the old one.

use crate::failure;
use crate::fetch::{self, Request};
use crate::objects::Objects;
use crate::refs::{Refs, Target};
use crate::repository::{Beside, Snapshot};
use crate::smart_http::{FailureSlot, HttpFailure, UreqHttp};
use argosy_fetch::Credential;
use argosy_fetch::Patience;
use argosy_object::Digest;
use argosy_ports::SourceError;
use gix::ObjectId;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The first line of a snapshot.
const FORMAT: &str = "argosy mirror 1";
/// How long another process may hold a mirror.
const LOCK_PATIENCE: Duration = Duration::from_mins(5);
/// Packs after which a mirror is cloned anew instead of fetched into.
const MAX_PACKS: usize = 400;
/// Most names elsewhere that one mirror keeps looking for.
const MAX_EXTRA: usize = 256;

/// Gives the credential of this moment and the PEM certificates that the host is trusted by.
pub(crate) type GiveCredential =
    dyn Fn() -> Result<(Credential, Option<String>), SourceError> + Send + Sync;

/// Where a mirror is filled from. The credential is asked for at each fetch, as it may change.
pub(crate) struct Remote {
    pub url: String,
    pub credential: Box<GiveCredential>,
    pub patience: Patience,
    pub max_bytes: u64,
}

/// A mirror's folder and what is open of it.
pub(crate) struct Mirror {
    dir: PathBuf,
    remote: Remote,
    current: Mutex<Option<Arc<Snapshot>>>,
    extra: Mutex<BTreeSet<String>>,
    fetching: Mutex<()>,
    /// The references at the last clone that was made for damage: what is still damaged then
    /// is so on the server, and cloning again would not help.
    cloned_for_damage: Mutex<Option<Refs>>,
}

impl Mirror {
    /// Opens what is there; a folder that cannot be read counts as empty.
    pub(crate) fn open(dir: PathBuf, remote: Remote) -> Self {
        let current = load(&dir).map(Arc::new);
        let extra = current.iter().flat_map(|c| c.refs.0.keys());
        let extra = extra
            .filter(|name| crate::refs::elsewhere(name).is_some())
            .cloned()
            .collect();
        Self {
            dir,
            remote,
            current: Mutex::new(current),
            extra: Mutex::new(extra),
            fetching: Mutex::default(),
            cloned_for_damage: Mutex::default(),
        }
    }

    pub(crate) fn current(&self) -> Option<Arc<Snapshot>> {
        let current = lock(&self.current).clone();
        current.filter(|snapshot| !self.needs_clone(snapshot))
    }

    fn needs_clone(&self, snapshot: &Snapshot) -> bool {
        snapshot.objects.is_broken()
            && lock(&self.cloned_for_damage).as_ref() != Some(&snapshot.refs)
    }

    /// Fetches all heads and tags, and what is asked for beside.
    pub(crate) fn look(&self, beside: &Beside) -> Result<Arc<Snapshot>, SourceError> {
        let _one_at_a_time = lock(&self.fetching);
        let _lock = self.lock_folder()?;
        clean(&self.dir.join("objects/pack"));
        let before = self.current();
        let extra = {
            let mut extra = lock(&self.extra);
            if let Some(name) = &beside.name
                && extra.len() < MAX_EXTRA
            {
                extra.insert(name.clone());
            }
            extra.clone()
        };
        let usable = before.as_ref().filter(|_| packs(&self.dir) < MAX_PACKS);
        let snapshot = match usable {
            Some(before) => match self.fetch_into(&self.dir, Some(before), &extra, None) {
                Err(_) if before.objects.is_broken() => self.clone_for_damage(&extra)?,
                other => other?,
            },
            None => self.clone_for_damage(&extra)?,
        };
        *lock(&self.current) = Some(snapshot.clone());
        if let Some(commit) = beside.commit
            && !snapshot.objects.exists(&commit)
        {
            // Servers refuse a commit they do not know with the whole request, so it goes alone.
            self.fetch_into(&self.dir, Some(&snapshot), &extra, Some(commit))?;
        }
        Ok(snapshot)
    }

    fn clone_for_damage(&self, extra: &BTreeSet<String>) -> Result<Arc<Snapshot>, SourceError> {
        let snapshot = self.clone_anew(extra)?;
        *lock(&self.cloned_for_damage) = Some(snapshot.refs.clone());
        Ok(snapshot)
    }

    /// Clones beside the old folder and takes its place.
    fn clone_anew(&self, extra: &BTreeSet<String>) -> Result<Arc<Snapshot>, SourceError> {
        let new = self.dir.with_extension("new");
        let old = self.dir.with_extension("old");
        let disk = |error| failure::storage(&self.remote.url, "prepare the mirror", &error);
        remove(&new).map_err(disk)?;
        remove(&old).map_err(disk)?;
        self.fetch_into(&new, None, extra, None)?;
        if self.dir.exists() {
            fs::rename(&self.dir, &old).map_err(disk)?;
        }
        fs::rename(&new, &self.dir).map_err(disk)?;
        let _ = remove(&old);
        load(&self.dir)
            .map(Arc::new)
            .ok_or_else(|| failure::storage(&self.remote.url, "open the mirror", &"it is damaged"))
    }

    /// Asks whether the repository may be read, and fetches nothing.
    pub(crate) fn probe(&self) -> Result<(), SourceError> {
        let (http, slot, credential) = self.http()?;
        fetch::greet(http, &self.remote.url)
            .map_err(|text| self.explain(&text, &slot, &credential, None))
    }

    fn http(&self) -> Result<(UreqHttp, FailureSlot, Credential), SourceError> {
        let url = &self.remote.url;
        let (credential, authority) = (self.remote.credential)()?;
        let (http, slot) = UreqHttp::new(
            url,
            &credential,
            authority.as_deref(),
            self.remote.patience,
            self.remote.max_bytes,
        )
        .map_err(|reason| {
            failure::unsupported(
                format!("the TLS settings of repository `{url}` are not usable: {reason}"),
                Some(format!("correct the Secret `{}`", credential.id)),
            )
        })?;
        Ok((http, slot, credential))
    }

    fn fetch_into(
        &self,
        dir: &Path,
        before: Option<&Arc<Snapshot>>,
        extra: &BTreeSet<String>,
        commit: Option<ObjectId>,
    ) -> Result<Arc<Snapshot>, SourceError> {
        let url = &self.remote.url;
        let disk = |error| failure::storage(url, "write the mirror", &error);
        fs::create_dir_all(dir.join("objects/pack")).map_err(disk)?;
        let (http, slot, credential) = self.http()?;
        let request = Request {
            dir,
            have: before.map(|b| (&b.refs, &*b.objects)),
            extra,
            commit,
        };
        let refs = fetch::fetch(http, url, &request)
            .map_err(|text| self.explain(&text, &slot, &credential, commit))?;
        if let Some(before) = before {
            let whole = refs.tips().all(|id| before.objects.exists(id));
            if refs == before.refs && whole {
                return Ok(before.clone());
            }
        }
        let objects = match before {
            Some(before) => before.objects.clone(),
            None => Objects::open(&dir.join("objects"))
                .map(Arc::new)
                .map_err(|error| failure::storage(url, "open the mirror", &error))?,
        };
        if let Some(missing) = refs.tips().find(|id| !objects.exists(id)) {
            return Err(failure::unreachable(
                url,
                &format!("the server did not send the object {missing}"),
            ));
        }
        save(dir, &refs).map_err(disk)?;
        Ok(Arc::new(Snapshot { refs, objects }))
    }

    fn explain(
        &self,
        text: &str,
        slot: &FailureSlot,
        credential: &Credential,
        commit: Option<ObjectId>,
    ) -> SourceError {
        let url = &self.remote.url;
        match (lock(slot).take(), commit) {
            (Some(HttpFailure::Status(status @ (401 | 403 | 407))), _) => {
                failure::unauthorized(url, &credential.id, status)
            }
            (Some(HttpFailure::Status(status @ (404 | 410))), _) => {
                failure::no_repository(url, &format!("the server answers HTTP {status}"))
            }
            (Some(HttpFailure::Status(status)), _) => {
                failure::unreachable(url, &format!("the server answers HTTP {status}"))
            }
            (Some(HttpFailure::Broken(reason)), _) => failure::unreachable(url, &reason),
            (Some(HttpFailure::TooLarge(max)), _) => failure::unsupported(
                format!("repository `{url}` sends more than {max} bytes at once"),
                Some("raise the limit of the repository's size".into()),
            ),
            (Some(HttpFailure::NotGit), _) => failure::no_repository(
                url,
                &format!(
                    "`{}` does not speak Git's smart HTTP there",
                    argosy_fetch::host(url)
                ),
            ),
            (None, Some(commit)) => failure::no_revision(
                url,
                &commit.to_string(),
                Some("the server does not give this commit"),
            ),
            (None, None) => failure::unreachable(url, text),
        }
    }

    fn lock_folder(&self) -> Result<File, SourceError> {
        let disk = |error| failure::storage(&self.remote.url, "lock the mirror", &error);
        let path = self.dir.with_extension("lock");
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(disk)?;
        }
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(disk)?;
        let step = Duration::from_millis(50);
        let mut waited = Duration::ZERO;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(fs::TryLockError::WouldBlock) if waited < LOCK_PATIENCE => {
                    std::thread::sleep(step);
                    waited += step;
                }
                Err(fs::TryLockError::WouldBlock) => {
                    return Err(failure::unreachable(
                        &self.remote.url,
                        "another process holds its mirror",
                    ));
                }
                Err(fs::TryLockError::Error(error)) => return Err(disk(error)),
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn remove(dir: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn packs(dir: &Path) -> usize {
    fs::read_dir(dir.join("objects/pack")).map_or(0, |entries| {
        entries
            .flatten()
            .filter(|entry| entry.path().extension().is_some_and(|ext| ext == "idx"))
            .count()
    })
}

/// Writes the references beside and renames them into place.
fn save(dir: &Path, refs: &Refs) -> std::io::Result<()> {
    let mut text = format!("{FORMAT}\n");
    for (name, target) in &refs.0 {
        match target {
            Target::Object(id) => text.push_str(&format!("{id} {name}\n")),
            Target::Ref(to) => text.push_str(&format!("ref:{to} {name}\n")),
        }
    }
    let digest = Digest::of(text.as_bytes());
    text.push_str(&format!("end {}\n", digest.hex()));
    let new = dir.join("snapshot.new");
    let mut file = File::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(new, dir.join("snapshot"))
}

/// Reads a mirror; `None` where it is not whole.
fn load(dir: &Path) -> Option<Snapshot> {
    let text = fs::read_to_string(dir.join("snapshot")).ok()?;
    let refs = parse(&text)?;
    let objects = Objects::open(&dir.join("objects")).ok()?;
    let whole = refs.tips().all(|id| objects.exists(id));
    whole.then(|| Snapshot {
        refs,
        objects: Arc::new(objects),
    })
}

fn parse(text: &str) -> Option<Refs> {
    let at = text.rfind("\nend ")? + 1;
    let (body, end) = text.split_at(at);
    if end.trim() != format!("end {}", Digest::of(body.as_bytes()).hex()) {
        return None;
    }
    let mut lines = body.lines();
    if lines.next() != Some(FORMAT) {
        return None;
    }
    let mut refs = Refs::default();
    for line in lines {
        let (target, name) = line.split_once(' ')?;
        let target = match target.strip_prefix("ref:") {
            Some(to) => Target::Ref(to.to_owned()),
            None => Target::Object(ObjectId::from_hex(target.as_bytes()).ok()?),
        };
        refs.0.insert(name.to_owned(), target);
    }
    Some(refs)
}

/// Removes what a killed fetch left behind: everything but packs and their indices.
fn clean(packs: &Path) {
    for entry in fs::read_dir(packs).into_iter().flatten().flatten() {
        let path = entry.path();
        let known = path
            .extension()
            .is_some_and(|ext| ext == "pack" || ext == "idx" || ext == "rev");
        if !known {
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_read_back_and_a_torn_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let mut refs = Refs::default();
        let id = ObjectId::from_bytes_or_panic(&[7; 20]);
        refs.0.insert("refs/heads/end".into(), Target::Object(id));
        refs.0
            .insert("HEAD".into(), Target::Ref("refs/heads/end".into()));
        save(dir.path(), &refs).unwrap();
        let text = fs::read_to_string(dir.path().join("snapshot")).unwrap();
        assert_eq!(parse(&text), Some(refs));
        assert_eq!(parse(&text[..text.len() / 2]), None);
        assert_eq!(parse(&text.replace("07", "08")), None);
        assert_eq!(parse(""), None);
    }
}
