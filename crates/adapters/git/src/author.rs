//! Makes bare repositories and commits without the `git` program: for the demo and for tests.

use gix::ObjectId;
use gix::bstr::BString;
use gix::objs::tree::{Entry, EntryKind};
use gix::objs::{Commit, Tag, Tree};
use gix::refs::transaction::PreviousValue;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Why a repository could not be made or written.
#[derive(Debug, thiserror::Error)]
pub enum AuthorError {
    /// The library's error, with what was done.
    #[error("cannot {doing} in repository `{path}`: {reason}")]
    Git {
        /// What was done.
        doing: &'static str,
        /// The repository.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// There is no such branch.
    #[error("repository `{path}` has no branch `{branch}`")]
    NoBranch {
        /// The repository.
        path: PathBuf,
        /// The branch.
        branch: String,
    },
    /// A path that no Git tree can hold.
    #[error("`{0}` is no path of a file in a repository")]
    BadPath(String),
}

/// One change of a commit.
#[derive(Clone, Debug)]
pub enum Change {
    /// Writes a file, with the folders above it.
    Write(String, Vec<u8>),
    /// Writes an executable file.
    Executable(String, Vec<u8>),
    /// Makes a symbolic link to a target.
    Link(String, String),
    /// Links to a commit of another repository, as a submodule has it.
    Submodule(String, String),
    /// Removes a file, or a folder with all it holds.
    Remove(String),
}

impl Change {
    /// Writes a text file.
    pub fn text(path: &str, text: &str) -> Self {
        Self::Write(path.into(), text.into())
    }
}

/// A bare repository that commits are made in.
pub struct RepoBuilder {
    path: PathBuf,
    repository: gix::Repository,
    seconds: i64,
}

impl RepoBuilder {
    /// Makes an empty bare repository whose `HEAD` is the branch `main`. The folder must be
    /// empty or not there.
    ///
    /// # Errors
    /// [`AuthorError::Git`] where it cannot be made.
    pub fn init(path: &Path) -> Result<Self, AuthorError> {
        let repository = gix::ThreadSafeRepository::init_opts(
            path,
            gix::create::Kind::Bare,
            gix::create::Options::default(),
            gix::open::Options::isolated(),
        );
        Self::with(path, "make", repository)
    }

    /// Opens a repository that is there.
    ///
    /// # Errors
    /// [`AuthorError::Git`] where it cannot be opened.
    pub fn open(path: &Path) -> Result<Self, AuthorError> {
        let repository = gix::ThreadSafeRepository::open_opts(path, gix::open::Options::isolated());
        Self::with(path, "open", repository)
    }

    fn with(
        path: &Path,
        doing: &'static str,
        repository: gix::Result<gix::ThreadSafeRepository>,
    ) -> Result<Self, AuthorError> {
        let repository = repository.map_err(|error| AuthorError::Git {
            doing,
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Self {
            path: path.to_owned(),
            repository: repository.to_thread_local(),
            seconds: 1_700_000_000,
        })
    }

    /// Dates the next commits, in seconds since 1970. The default is a fixed moment, so that
    /// equal commits have equal names.
    #[must_use]
    pub fn at(mut self, seconds: i64) -> Self {
        self.seconds = seconds;
        self
    }

    /// The repository's folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Commits changes on top of a branch, which is made where it is not there yet. Gives the
    /// commit's name in 40 hexadecimal digits.
    ///
    /// # Errors
    /// [`AuthorError`] for a bad path, or where the repository cannot be written.
    pub fn commit(
        &self,
        branch: &str,
        message: &str,
        changes: &[Change],
    ) -> Result<String, AuthorError> {
        let parent = self.tip(branch)?;
        self.commit_on(branch, message, changes, parent)
    }

    /// Commits changes on top of the branch's parent and moves the branch there, as an amended
    /// commit that is pushed by force.
    ///
    /// # Errors
    /// [`AuthorError::NoBranch`], or as [`RepoBuilder::commit`].
    pub fn amend(
        &self,
        branch: &str,
        message: &str,
        changes: &[Change],
    ) -> Result<String, AuthorError> {
        let tip = self.tip(branch)?.ok_or_else(|| AuthorError::NoBranch {
            path: self.path.clone(),
            branch: branch.into(),
        })?;
        let commit = self
            .repository
            .find_commit(tip)
            .map_err(|e| self.fault("read the commit", &e))?;
        let parent = commit.parent_ids().next().map(gix::Id::detach);
        self.commit_on(branch, message, changes, parent)
    }

    fn commit_on(
        &self,
        branch: &str,
        message: &str,
        changes: &[Change],
        parent: Option<ObjectId>,
    ) -> Result<String, AuthorError> {
        let mut folder = match parent {
            Some(parent) => self.read_folder(self.root_of(parent)?)?,
            None => Folder::default(),
        };
        for change in changes {
            self.apply(&mut folder, change)?;
        }
        let tree = self.write_folder(&folder)?;
        let who = self.signature();
        let commit = Commit {
            tree,
            parents: parent.into_iter().collect(),
            author: who.clone(),
            committer: who,
            encoding: None,
            message: format!("{}\n", message.trim_end()).into(),
            extra_headers: Vec::new(),
        };
        let id = self.write("write the commit", &commit)?;
        self.point(&format!("refs/heads/{branch}"), id)?;
        Ok(id.to_string())
    }

    /// Tags a branch's tip; with a message the tag is annotated. An existing tag is moved.
    ///
    /// # Errors
    /// [`AuthorError::NoBranch`], or where the repository cannot be written.
    pub fn tag(&self, name: &str, branch: &str, message: Option<&str>) -> Result<(), AuthorError> {
        let tip = self.tip(branch)?.ok_or_else(|| AuthorError::NoBranch {
            path: self.path.clone(),
            branch: branch.into(),
        })?;
        let target = match message {
            None => tip,
            Some(message) => {
                let tag = Tag {
                    target: tip,
                    target_kind: gix::objs::Kind::Commit,
                    name: name.into(),
                    tagger: Some(self.signature()),
                    message: message.into(),
                    signature: None,
                };
                self.write("write the tag", &tag)?
            }
        };
        self.point(&format!("refs/tags/{name}"), target)
    }

    /// Deletes a reference by its full name; one that is not there is fine.
    ///
    /// # Errors
    /// [`AuthorError::Git`] where the repository cannot be written.
    pub fn delete_ref(&self, name: &str) -> Result<(), AuthorError> {
        let found = self
            .repository
            .try_find_reference(name)
            .map_err(|e| self.fault("find the reference", &e))?;
        match found {
            Some(reference) => reference
                .delete()
                .map_err(|e| self.fault("delete the reference", &e)),
            None => Ok(()),
        }
    }

    /// The commit at a branch's tip, in 40 hexadecimal digits.
    ///
    /// # Errors
    /// [`AuthorError::Git`] where the repository cannot be read.
    pub fn head_of(&self, branch: &str) -> Result<Option<String>, AuthorError> {
        Ok(self.tip(branch)?.map(|id| id.to_string()))
    }

    /// Points a reference at a commit.
    ///
    /// # Errors
    /// [`AuthorError::Git`] for a bad name, or where the repository cannot be written.
    pub fn set_ref(&self, name: &str, commit: &str) -> Result<(), AuthorError> {
        let id = ObjectId::from_hex(commit.as_bytes())
            .map_err(|e| self.fault("read the commit's name", &e))?;
        self.point(name, id)
    }

    fn tip(&self, branch: &str) -> Result<Option<ObjectId>, AuthorError> {
        let name = format!("refs/heads/{branch}");
        let found = self
            .repository
            .try_find_reference(name.as_str())
            .map_err(|e| self.fault("find the branch", &e))?;
        Ok(found.and_then(|reference| reference.try_id().map(gix::Id::detach)))
    }

    fn root_of(&self, commit: ObjectId) -> Result<ObjectId, AuthorError> {
        let commit = self
            .repository
            .find_commit(commit)
            .map_err(|e| self.fault("read the commit", &e))?;
        let tree = commit
            .tree_id()
            .map_err(|e| self.fault("read the commit", &e))?;
        Ok(tree.detach())
    }

    fn read_folder(&self, tree: ObjectId) -> Result<Folder, AuthorError> {
        let tree = self
            .repository
            .find_tree(tree)
            .map_err(|e| self.fault("read the folder", &e))?;
        let decoded = tree
            .decode()
            .map_err(|e| self.fault("read the folder", &e))?;
        let mut folder = Folder::default();
        for entry in decoded.entries {
            let id = entry.oid.to_owned();
            let child = match entry.mode.kind() {
                EntryKind::Tree => Child::Unread(id),
                kind => Child::Leaf(kind, id),
            };
            folder.0.insert(entry.filename.to_owned(), child);
        }
        Ok(folder)
    }

    fn apply(&self, folder: &mut Folder, change: &Change) -> Result<(), AuthorError> {
        let (path, leaf) = match change {
            Change::Submodule(path, commit) => {
                let id = ObjectId::from_hex(commit.as_bytes())
                    .map_err(|e| self.fault("read the commit's name", &e))?;
                let child = Child::Leaf(EntryKind::Commit, id);
                return self.place(folder, &parts(path)?, Some(child));
            }
            Change::Write(path, bytes) => (path, Some((EntryKind::Blob, bytes.as_slice()))),
            Change::Executable(path, bytes) => {
                (path, Some((EntryKind::BlobExecutable, bytes.as_slice())))
            }
            Change::Link(path, target) => (path, Some((EntryKind::Link, target.as_bytes()))),
            Change::Remove(path) => (path, None),
        };
        let parts = parts(path)?;
        let child = match leaf {
            Some((kind, bytes)) => {
                let id = self
                    .repository
                    .write_blob(bytes)
                    .map_err(|e| self.fault("write the file", &e))?;
                Some(Child::Leaf(kind, id.detach()))
            }
            None => None,
        };
        self.place(folder, &parts, child)
    }

    fn place(
        &self,
        folder: &mut Folder,
        parts: &[&str],
        child: Option<Child>,
    ) -> Result<(), AuthorError> {
        let (name, rest) = parts.split_first().expect("a path has a part");
        let name = BString::from(*name);
        if rest.is_empty() {
            match child {
                Some(child) => folder.0.insert(name, child),
                None => folder.0.remove(&name),
            };
            return Ok(());
        }
        let mut inner = match folder.0.remove(&name) {
            Some(Child::Unread(id)) => self.read_folder(id)?,
            Some(Child::Folder(inner)) => inner,
            _ => Folder::default(),
        };
        self.place(&mut inner, rest, child)?;
        if !inner.0.is_empty() {
            folder.0.insert(name, Child::Folder(inner));
        }
        Ok(())
    }

    fn write_folder(&self, folder: &Folder) -> Result<ObjectId, AuthorError> {
        let mut entries = Vec::with_capacity(folder.0.len());
        for (name, child) in &folder.0 {
            let (kind, oid) = match child {
                Child::Leaf(kind, id) => (*kind, *id),
                Child::Unread(id) => (EntryKind::Tree, *id),
                Child::Folder(inner) => (EntryKind::Tree, self.write_folder(inner)?),
            };
            entries.push(Entry {
                mode: kind.into(),
                filename: name.clone(),
                oid,
            });
        }
        entries.sort();
        self.write("write the folder", &Tree { entries })
    }

    fn write(
        &self,
        doing: &'static str,
        object: &impl gix::objs::WriteTo,
    ) -> Result<ObjectId, AuthorError> {
        let id = self
            .repository
            .write_object(object)
            .map_err(|e| self.fault(doing, &e))?;
        Ok(id.detach())
    }

    fn point(&self, name: &str, id: ObjectId) -> Result<(), AuthorError> {
        self.repository
            .reference(name, id, PreviousValue::Any, "argosy")
            .map_err(|e| self.fault("move the reference", &e))?;
        Ok(())
    }

    fn signature(&self) -> gix::actor::Signature {
        gix::actor::Signature {
            name: "Argosy".into(),
            email: "argosy@localhost".into(),
            time: gix::date::Time::new(self.seconds, 0),
        }
    }

    fn fault(&self, doing: &'static str, reason: &dyn std::fmt::Display) -> AuthorError {
        AuthorError::Git {
            doing,
            path: self.path.clone(),
            reason: reason.to_string(),
        }
    }
}

/// The parts of a path that a Git tree can hold.
fn parts(path: &str) -> Result<Vec<&str>, AuthorError> {
    let parts: Vec<&str> = path.split('/').collect();
    let bad = |part: &&str| matches!(*part, "" | "." | ".." | ".git") || part.contains('\0');
    if parts.iter().any(bad) {
        return Err(AuthorError::BadPath(path.to_owned()));
    }
    Ok(parts)
}

/// A folder that is being changed; what no change touches stays unread.
#[derive(Default)]
struct Folder(BTreeMap<BString, Child>);

enum Child {
    Leaf(EntryKind, ObjectId),
    Unread(ObjectId),
    Folder(Folder),
}
