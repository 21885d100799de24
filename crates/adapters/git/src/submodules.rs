//! The submodules of a commit: found, permitted and fetched like any repository of the project.
//!
//! `Compat:` Argo CD checks submodules out recursively, unless `ARGOCD_GIT_MODULES_ENABLED` is
//! `false`. Beyond it, a module must be a source that the project may have, and the credential is
//! the project's own for that URL: nobody reads through a module what he may not read himself.

mod declared;

use crate::composed::{ComposedTree, Mount, Part};
use crate::failure;
use crate::objects::Objects;
use crate::poll::Watched;
use crate::sources::GitSources;
use argosy_ports::{Artifact, RepoRef, SourceError, Sources as _};
use argosy_tree::Mode;
use declared::Declared;
use gix::ObjectId;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

/// How deep modules may lie within modules.
const MAX_DEPTH: usize = 8;
/// Most modules of one commit, those of modules counted.
const MAX_MODULES: usize = 64;
/// Composed trees that are kept.
const KEPT: usize = 128;

/// Trees that are composed already. One that stands on a database that is no longer the newest of
/// its repository is composed again.
#[derive(Default)]
pub(crate) struct Composed(Mutex<HashMap<Artifact, Kept>>);

struct Kept {
    tree: Arc<ComposedTree>,
    stands_on: Vec<Ground>,
    /// The modules' URLs: whether they are permitted is asked at each use.
    urls: Vec<String>,
}

type Ground = (Arc<Watched>, Arc<Objects>);

impl Composed {
    fn get(&self, artifact: &Artifact) -> Option<(Arc<ComposedTree>, Vec<String>)> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.get(artifact)?;
        let mut grounds = found.stands_on.iter();
        if grounds.all(|(watched, objects)| watched.stands_on(objects)) {
            return Some((found.tree.clone(), found.urls.clone()));
        }
        kept.remove(artifact);
        None
    }

    fn put(&self, artifact: &Artifact, kept: Kept) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= KEPT {
            all.clear();
        }
        all.insert(artifact.clone(), kept);
    }

    /// Forgets all: permissions or credentials may be others now.
    pub(crate) fn clear(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

/// What one composition has gathered.
struct Gathering<'s> {
    sources: &'s GitSources,
    project: &'s str,
    left: usize,
    stands_on: Vec<Ground>,
    urls: Vec<String>,
}

/// The tree of a commit with its modules; `None` where it has none.
pub(crate) async fn compose(
    sources: &GitSources,
    artifact: &Artifact,
    part: Part,
    watched: Arc<Watched>,
) -> Result<Option<Arc<ComposedTree>>, SourceError> {
    let project = &artifact.repo.project;
    if let Some((found, urls)) = sources.composed().get(artifact) {
        for url in urls {
            sources.permit(project, &url)?;
        }
        return Ok(Some(found));
    }
    let mut gathering = Gathering {
        sources,
        project,
        left: MAX_MODULES,
        stands_on: vec![(watched, part.objects.clone())],
        urls: Vec::new(),
    };
    let mounts = gathering.modules(&artifact.repo.url, &part, 0).await?;
    if mounts.is_empty() {
        return Ok(None);
    }
    let tree = ComposedTree::new(part, &mounts, sources.largest_file())
        .map_err(|fault| failure::storage(&artifact.repo.url, "read the folders", &fault))?;
    let tree = Arc::new(tree);
    let kept = Kept {
        tree: tree.clone(),
        stands_on: gathering.stands_on,
        urls: gathering.urls,
    };
    sources.composed().put(artifact, kept);
    Ok(Some(tree))
}

type Gathered<'g> = Pin<Box<dyn Future<Output = Result<Vec<Mount>, SourceError>> + Send + 'g>>;

impl Gathering<'_> {
    /// The modules of one commit of the repository at `url`.
    fn modules<'g>(&'g mut self, url: &'g str, part: &'g Part, depth: usize) -> Gathered<'g> {
        Box::pin(async move {
            let found = declared_in(url, part)?;
            let mut mounts = Vec::with_capacity(found.len());
            for (module, commit) in found {
                let path = module.path.join("/");
                let to = declared::resolve(url, &module.url);
                if depth == MAX_DEPTH || self.left == 0 {
                    return Err(failure::too_many_modules(
                        url,
                        &path,
                        MAX_DEPTH,
                        MAX_MODULES,
                    ));
                }
                self.left -= 1;
                let within = |error| failure::of_module(url, &path, error);
                let inner = self.fetch(&to, &commit).await.map_err(within)?;
                let inner_mounts = self.modules(&to, &inner, depth + 1).await?;
                mounts.push(Mount {
                    path: module.path,
                    part: inner,
                    mounts: inner_mounts,
                });
            }
            Ok(mounts)
        })
    }

    async fn fetch(&mut self, url: &str, commit: &ObjectId) -> Result<Part, SourceError> {
        self.sources.permit(self.project, url)?;
        let repo: RepoRef = self.sources.repo(url, self.project);
        let watched = self.sources.watched(&repo);
        let snapshot = watched.holding(&repo, &commit.to_string()).await?;
        let root = snapshot
            .objects
            .root_of(commit)
            .map_err(|fault| failure::storage(url, "read the commit", &fault))?;
        self.stands_on.push((watched, snapshot.objects.clone()));
        self.urls.push(url.to_owned());
        Ok(Part {
            objects: snapshot.objects.clone(),
            root,
            place: format!("{}\0{}", repo.url, repo.credential.0),
        })
    }
}

/// The modules that a commit declares and has.
fn declared_in(url: &str, part: &Part) -> Result<Vec<(Declared, ObjectId)>, SourceError> {
    let fault = |fault| failure::storage(url, "read `.gitmodules`", &fault);
    let root = part.objects.list(&part.root).map_err(fault)?;
    let file = root.iter().find(|(name, _)| &**name == ".gitmodules");
    let Some((_, entry)) = file.filter(|(_, entry)| entry.mode == Mode::File) else {
        return Ok(Vec::new());
    };
    let id = ObjectId::from_bytes_or_panic(&entry.oid.0[..20]);
    let bytes = part
        .objects
        .read(&id, gix::objs::Kind::Blob, declared::MAX_BYTES)
        .map_err(fault)?;
    let modules = declared::parse(&bytes).map_err(|why| failure::bad_modules(url, &why))?;
    let mut found = Vec::new();
    for module in modules {
        if let Some(commit) = link_at(part, &module.path).map_err(fault)? {
            found.push((module, commit));
        }
    }
    Ok(found)
}

/// The commit that a link to another repository names, where there is one at a path.
fn link_at(part: &Part, path: &[String]) -> Result<Option<ObjectId>, crate::objects::ObjectFault> {
    let mut folder = part.root;
    for (at, name) in path.iter().enumerate() {
        let listing = part.objects.list(&folder)?;
        let Ok(index) = listing.binary_search_by(|(found, _)| (**found).cmp(name)) else {
            return Ok(None);
        };
        let entry = &listing[index].1;
        let id = ObjectId::from_bytes_or_panic(&entry.oid.0[..20]);
        match (entry.mode, at + 1 == path.len()) {
            (Mode::Submodule, true) => return Ok(Some(id)),
            (Mode::Dir, false) => folder = id,
            _ => return Ok(None),
        }
    }
    Ok(None)
}
