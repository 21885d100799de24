//! A repository of the local disk, bare or not, read where it lies.
//!
//! Nothing of it is executed: the configuration is opened in isolation, no hook and no filter
//! runs, and neither links nor alternates lead out of the allowed roots.

use crate::failure;
use crate::location::is_under;
use crate::objects::Objects;
use crate::refs::{Refs, Target};
use crate::repository::Snapshot;
use argosy_ports::SourceError;
use gix::refs::TargetRef;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A repository under one of the allowed roots.
pub(crate) struct LocalRepository {
    url: String,
    path: PathBuf,
    roots: Vec<PathBuf>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open: Option<Open>,
    current: Option<Arc<Snapshot>>,
}

struct Open {
    repository: gix::ThreadSafeRepository,
    objects: Arc<Objects>,
}

impl LocalRepository {
    /// A repository at a canonical path under one of the canonical `roots`.
    pub(crate) fn new(url: &str, path: PathBuf, roots: &[PathBuf]) -> Self {
        Self {
            url: url.to_owned(),
            path,
            roots: roots.to_vec(),
            state: Mutex::default(),
        }
    }

    pub(crate) fn current(&self) -> Option<Arc<Snapshot>> {
        self.state().current.clone()
    }

    /// Compares the references; objects are touched only where one has changed.
    pub(crate) fn look(&self) -> Result<Arc<Snapshot>, SourceError> {
        let mut state = self.state();
        let result = self.look_at(&mut state);
        if result.is_err() {
            // It may be made anew under the same path.
            state.open = None;
        }
        result
    }

    fn look_at(&self, state: &mut State) -> Result<Arc<Snapshot>, SourceError> {
        let reopen = match &state.open {
            Some(open) => open.objects.is_broken() || !is_there(open),
            None => true,
        };
        if reopen {
            state.open = Some(self.open()?);
        }
        let open = state.open.as_ref().expect("it was just opened");
        let refs = read_refs(&open.repository)
            .map_err(|error| failure::storage(&self.url, "read the references", &error))?;
        if let Some(current) = &state.current
            && current.refs == refs
            && Arc::ptr_eq(&current.objects, &open.objects)
        {
            return Ok(current.clone());
        }
        let snapshot = Arc::new(Snapshot {
            refs,
            objects: open.objects.clone(),
        });
        state.current = Some(snapshot.clone());
        Ok(snapshot)
    }

    fn open(&self) -> Result<Open, SourceError> {
        let not_git =
            |reason: &dyn std::fmt::Display| failure::no_repository(&self.url, &reason.to_string());
        // Links may have changed since the URL was allowed.
        let path = self.path.canonicalize().map_err(|e| not_git(&e))?;
        self.inside(&path)?;
        let options = gix::open::Options::isolated()
            .with(gix::sec::Trust::Full)
            .strict_config(false);
        let repository =
            gix::ThreadSafeRepository::open_opts(&path, options).map_err(
                |_| match foreign_format(&path) {
                    Some(format) => failure::object_format(&self.url, &format),
                    None => not_git(&"the folder is no Git repository"),
                },
            )?;
        let local = repository.to_thread_local();
        if local.object_hash() != gix::hash::Kind::Sha1 {
            return Err(failure::object_format(
                &self.url,
                &local.object_hash().to_string(),
            ));
        }
        self.inside(local.git_dir())?;
        self.inside(local.common_dir())?;
        let objects = local.common_dir().join("objects");
        self.inside(&objects)?;
        let alternates = gix::odb::alternate::resolve(objects.clone(), Path::new("/"))
            .map_err(|error| not_git(&error))?;
        for alternate in &alternates {
            self.inside(alternate)?;
        }
        let objects = Objects::open(&objects).map_err(|error| not_git(&error))?;
        Ok(Open {
            repository,
            objects: Arc::new(objects),
        })
    }

    fn inside(&self, path: &Path) -> Result<(), SourceError> {
        let canonical = path
            .canonicalize()
            .map_err(|error| failure::no_repository(&self.url, &error.to_string()))?;
        if is_under(&canonical, &self.roots) {
            Ok(())
        } else {
            Err(failure::outside_roots(&self.url))
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a repository names its objects, where that is not by SHA-1; our library does not open it.
fn foreign_format(path: &Path) -> Option<String> {
    let read = |config: PathBuf| {
        let file = std::fs::metadata(&config).ok()?;
        let bytes = (file.len() < 1 << 20).then(|| std::fs::read(&config).ok())??;
        let config = gix::config::File::from_bytes_no_includes(
            &bytes,
            gix::config::file::Metadata::api(),
            gix::config::file::init::Options::default(),
        );
        let format = config.ok()?.string("extensions.objectFormat")?.to_string();
        (!format.eq_ignore_ascii_case("sha1")).then_some(format)
    };
    read(path.join("config")).or_else(|| read(path.join(".git/config")))
}

fn is_there(open: &Open) -> bool {
    open.repository.git_dir().join("HEAD").exists()
}

fn read_refs(repository: &gix::ThreadSafeRepository) -> gix::Result<Refs> {
    let repository = repository.to_thread_local();
    let mut refs = Refs::default();
    for reference in repository.references()?.all()? {
        // A reference that is just being written is seen at the next look.
        let Ok(reference) = reference else { continue };
        let target = match reference.target() {
            TargetRef::Object(id) => Target::Object(id.to_owned()),
            TargetRef::Symbolic(name) => Target::Ref(name.as_bstr().to_string()),
        };
        refs.0
            .insert(reference.name().as_bstr().to_string(), target);
    }
    let head = match repository.head()?.kind {
        gix::head::Kind::Symbolic(reference) => Target::Ref(reference.name.as_bstr().to_string()),
        gix::head::Kind::Unborn(name) => Target::Ref(name.as_bstr().to_string()),
        gix::head::Kind::Detached { target, .. } => Target::Object(target),
    };
    refs.0.insert("HEAD".into(), head);
    Ok(refs)
}
