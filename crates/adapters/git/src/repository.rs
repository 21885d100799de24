//! One repository, wherever it lies: its present state, and a look for a newer one.

use crate::failure;
use crate::local::LocalRepository;
use crate::mirror::Mirror;
use crate::objects::Objects;
use crate::refs::{Refs, Unresolved, elsewhere};
use argosy_object::{Digest, Str};
use argosy_ports::{Artifact, RepoRef, SourceError, Wanted};
use gix::ObjectId;
use std::sync::Arc;

/// A repository's references at one moment, with the objects behind them.
pub(crate) struct Snapshot {
    pub refs: Refs,
    pub objects: Arc<Objects>,
}

/// What a look should bring beside all heads and tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Beside {
    /// The full name of a reference elsewhere, such as a pull request's.
    pub name: Option<String>,
    /// A commit that no reference may lead to.
    pub commit: Option<ObjectId>,
}

/// A repository that can be looked at. All calls block.
pub(crate) enum Repository {
    Local(Box<LocalRepository>),
    Mirror(Box<Mirror>),
}

impl Repository {
    /// The newest state that is here, if any.
    pub(crate) fn current(&self) -> Option<Arc<Snapshot>> {
        match self {
            Self::Local(local) => local.current(),
            Self::Mirror(mirror) => mirror.current(),
        }
    }

    /// Asks whether it may be read, and fetches nothing.
    pub(crate) fn probe(&self) -> Result<(), SourceError> {
        match self {
            Self::Local(local) => local.look().map(drop),
            Self::Mirror(mirror) => mirror.probe(),
        }
    }

    /// Looks for a newer state. An unchanged one is the same `Arc` as before.
    pub(crate) fn look(&self, beside: &Beside) -> Result<Arc<Snapshot>, SourceError> {
        match self {
            Self::Local(local) => local.look(),
            Self::Mirror(mirror) => mirror.look(beside),
        }
    }
}

impl Snapshot {
    /// The artifact of a wanted revision.
    pub(crate) fn artifact(&self, repo: &RepoRef, wanted: &Wanted) -> Result<Artifact, Unresolved> {
        let commit = self.refs.resolve(wanted, &self.objects)?;
        let root = self.objects.root_of(&commit).map_err(Unresolved::Fault)?;
        Ok(Artifact {
            repo: repo.clone(),
            revision: commit.to_string().into(),
            digest: Digest::of_parts([b"git tree".as_slice(), root.as_bytes()]),
            chart: Str::default(),
            pass_credentials: false,
        })
    }
}

/// What could make a revision known, where something could.
pub(crate) fn remedy(wanted: &Wanted, unresolved: &Unresolved) -> Beside {
    match unresolved {
        Unresolved::Commit(id) => Beside {
            commit: Some(*id),
            ..Beside::default()
        },
        _ => Beside {
            name: elsewhere(&wanted.revision),
            ..Beside::default()
        },
    }
}

/// Says why a revision is none.
pub(crate) fn explain(url: &str, wanted: &Wanted, unresolved: Unresolved) -> SourceError {
    let revision = match &*wanted.revision {
        "" => "HEAD",
        revision => revision,
    };
    match unresolved {
        Unresolved::Unknown(why) => failure::no_revision(url, revision, why.as_deref()),
        Unresolved::Commit(_) => {
            failure::no_revision(url, revision, Some("the repository has no such commit"))
        }
        Unresolved::Fault(fault) => failure::storage(url, "read the objects", &fault),
    }
}
