//! Files and folders of a build, seen from one kustomization.

use crate::error::KustomizeError;
use crate::kustomization::Kustomization;
use crate::remote::{Remote, RemoteChart, RemoteFile, Remotes, RepoSpec, file_url};
use crate::resource::Resource;
use crate::target::MAX_LAYERS;
use argosy_object::{Origin, Value};
use argosy_tree::{Mode, RelPath, Rooted};
use argosy_yaml::{Dialect, Document, Limits};

/// The names that a kustomization may have, in upstream's order.
pub const FILE_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// One folder of a build, and the folders that led to it.
#[derive(Clone)]
pub(crate) struct Loader<'t> {
    tree: &'t Rooted<'t>,
    /// The repository that the tree is of; empty for the one that is built.
    site: String,
    pub(crate) root: RelPath,
    /// The folders that led here, each with its site.
    chain: Vec<(String, RelPath)>,
    rules: &'t Rules<'t>,
}

/// What holds for all folders of a build.
#[derive(Clone, Default)]
pub(crate) struct Rules<'t> {
    /// Files may stand outside their kustomization's folder.
    pub(crate) anywhere: bool,
    /// What stands before a path in messages. Where there is something, the tree is a whole
    /// disk, and absolute paths are paths of it.
    pub(crate) shown_root: String,
    /// What was fetched from elsewhere.
    pub(crate) remotes: Option<&'t Remotes<'t>>,
}

impl<'t> Loader<'t> {
    /// A loader for the folder that is built.
    pub(crate) fn new(tree: &'t Rooted<'t>, root: RelPath, rules: &'t Rules<'t>) -> Self {
        Self {
            tree,
            site: String::new(),
            chain: vec![(String::new(), root.clone())],
            root,
            rules,
        }
    }

    /// The tree itself, for what has rules of its own.
    pub(crate) fn tree(&self) -> &'t Rooted<'t> {
        self.tree
    }

    /// A path as messages have it.
    pub(crate) fn shown(&self, path: &RelPath) -> String {
        if self.site.is_empty() {
            return format!("{}{path}", self.rules.shown_root);
        }
        format!("{}//{path}", self.site)
    }

    /// Which of a kustomization's entries must be fetched first.
    pub(crate) fn missing<'p>(
        &self,
        entries: impl IntoIterator<Item = &'p String>,
    ) -> Result<(), KustomizeError> {
        let Some(remotes) = self.rules.remotes.filter(|remotes| remotes.allowed) else {
            return Ok(());
        };
        let mut needs = Vec::new();
        for entry in entries {
            if let Some(url) = file_url(entry) {
                if !remotes.files.contains_key(&url) {
                    needs.push(Remote::File(url));
                }
            } else if is_remote(entry)
                && let Ok(spec) = RepoSpec::parse(entry)
                && !remotes.trees.contains_key(&spec.tree)
            {
                needs.push(Remote::Tree(spec.tree));
            }
        }
        if needs.is_empty() {
            return Ok(());
        }
        Err(KustomizeError::Needs(needs))
    }

    /// The loader of a base in another repository.
    fn elsewhere(&self, file: &str, entry: &str) -> Result<Self, KustomizeError> {
        let Some(remotes) = self.rules.remotes.filter(|remotes| remotes.allowed) else {
            return Err(KustomizeError::Unsupported {
                file: file.to_owned(),
                what: format!("the remote resource `{entry}`"),
            });
        };
        let spec = RepoSpec::parse(entry)
            .map_err(|text| KustomizeError::failed(format!("'{entry}': {text}")))?;
        let Some(tree) = remotes.trees.get(&spec.tree) else {
            return Err(KustomizeError::Needs(vec![Remote::Tree(spec.tree)]));
        };
        let mut site = spec.tree.repo.clone();
        if !spec.tree.revision.is_empty() {
            site = format!("{site}?ref={}", spec.tree.revision);
        }
        self.at(file, entry, (site, tree), spec.path)
    }

    /// The loader of a base or component.
    pub(crate) fn enter(&self, file: &str, path: &str) -> Result<Self, KustomizeError> {
        if is_remote(path) {
            return self.elsewhere(file, path);
        }
        if path.is_empty() {
            return Err(KustomizeError::failed("new root cannot be empty"));
        }
        if path.starts_with('/') {
            let text = format!("new root '{path}' cannot be absolute");
            return Err(KustomizeError::failed(text));
        }
        let root = self.resolve(path)?;
        self.at(file, path, (self.site.clone(), self.tree), root)
    }

    /// The loader of a folder of a tree, which must be there and not lead to this one again.
    fn at(
        &self,
        file: &str,
        entry: &str,
        (site, tree): (String, &'t Rooted<'t>),
        root: RelPath,
    ) -> Result<Self, KustomizeError> {
        let node = tree.look(&root)?;
        let there = Self {
            tree,
            site,
            root: root.clone(),
            chain: Vec::new(),
            rules: self.rules,
        };
        let root = match node {
            Some(node) if node.mode == Mode::Dir => node.path,
            Some(_) => {
                let text = format!("'{entry}' is a file, where a folder is expected");
                return Err(KustomizeError::invalid(file, text));
            }
            None => return Err(KustomizeError::NotFound(there.shown(&root))),
        };
        let seen =
            |(site, folder): &(String, RelPath)| *site == there.site && folder.is_within(&root);
        if self.chain.iter().any(seen) {
            return Err(KustomizeError::Cycle {
                file: file.to_owned(),
                base: there.shown(&root),
            });
        }
        if self.chain.len() >= MAX_LAYERS {
            return Err(KustomizeError::TooDeep(file.to_owned()));
        }
        let mut chain = self.chain.clone();
        chain.push((there.site.clone(), root.clone()));
        Ok(Self {
            root,
            chain,
            ..there
        })
    }

    pub(crate) fn resolve(&self, path: &str) -> Result<RelPath, KustomizeError> {
        let is_disk = self.site.is_empty() && !self.rules.shown_root.is_empty();
        if path.starts_with('/') && !is_disk {
            let text = format!("'{path}' is absolute, and there is no such path here");
            return Err(KustomizeError::failed(text));
        }
        self.root
            .join(path)
            .map_err(|error| KustomizeError::failed(error.to_string()))
    }

    /// Whether `path` leads to a file.
    pub(crate) fn is_file(&self, path: &str) -> Result<bool, KustomizeError> {
        if file_url(path).is_some() {
            return Ok(true);
        }
        if is_remote(path) || path.contains('\n') || path.is_empty() {
            return Ok(false);
        }
        let path = self.resolve(path)?;
        Ok(self
            .tree
            .look(&path)?
            .is_some_and(|n| matches!(n.mode, Mode::File | Mode::Executable)))
    }

    /// Whether `path` leads to anything.
    pub(crate) fn exists(&self, path: &str) -> Result<bool, KustomizeError> {
        Ok(self.tree.look(&self.resolve(path)?)?.is_some())
    }

    /// Whether `path` leads to a folder.
    pub(crate) fn is_dir(&self, path: &str) -> Result<bool, KustomizeError> {
        Ok(self.tree.is_dir(&self.resolve(path)?)?)
    }

    /// A file's bytes.
    pub(crate) fn read(&self, path: &str) -> Result<Vec<u8>, KustomizeError> {
        if is_remote(path) {
            return self.downloaded(path);
        }
        let path = self.resolve(path)?;
        let Some(node) = self.tree.look(&path)? else {
            return Err(KustomizeError::NotFound(self.shown(&path)));
        };
        if !self.rules.anywhere && !node.path.is_within(&self.root) {
            return Err(KustomizeError::Outside {
                path: self.shown(&node.path),
                root: self.shown(&self.root),
            });
        }
        if !matches!(node.mode, Mode::File | Mode::Executable) {
            let text = format!("'{}' is not a file", self.shown(&path));
            return Err(KustomizeError::failed(text));
        }
        Ok(self.tree.read(&path)?.to_vec())
    }

    /// The tree of a chart of a chart repository; nothing where nothing may be fetched.
    pub(crate) fn chart(
        &self,
        chart: &RemoteChart,
    ) -> Result<Option<&'t Rooted<'t>>, KustomizeError> {
        match self.rules.remotes.filter(|remotes| remotes.allowed) {
            None => Ok(None),
            Some(remotes) => match remotes.charts.get(chart) {
                Some(tree) => Ok(Some(tree)),
                None => Err(KustomizeError::Needs(vec![Remote::Chart(chart.clone())])),
            },
        }
    }

    /// A file that was fetched from its URL.
    fn downloaded(&self, url: &str) -> Result<Vec<u8>, KustomizeError> {
        let remotes = self.rules.remotes.filter(|remotes| remotes.allowed);
        let is_web = ["https://", "http://"]
            .iter()
            .any(|scheme| url.starts_with(scheme));
        match remotes {
            Some(remotes) if is_web => {
                let file = RemoteFile(url.to_owned());
                match remotes.files.get(&file) {
                    Some(bytes) => Ok(bytes.to_vec()),
                    None => Err(KustomizeError::Needs(vec![Remote::File(file)])),
                }
            }
            _ => Err(KustomizeError::Unsupported {
                file: self.root.to_string(),
                what: format!("the URL `{url}`"),
            }),
        }
    }

    /// The path of a file from the tree's root.
    pub(crate) fn full(&self, path: &str) -> String {
        if is_remote(path) {
            return path.to_owned();
        }
        self.resolve(path)
            .map_or_else(|_| path.to_owned(), |p| self.shown(&p))
    }

    /// The resources in a file.
    pub(crate) fn resources(&self, path: &str) -> Result<Vec<Resource>, KustomizeError> {
        parse_resources(&self.full(path), &self.read(path)?)
    }

    /// This folder's kustomization, and the name of its file.
    pub(crate) fn kustomization(&self) -> Result<(Kustomization, String), KustomizeError> {
        let mut found = None;
        for name in FILE_NAMES {
            if self.is_file(name)? {
                if found.is_some() {
                    return Err(KustomizeError::Ambiguous(self.shown(&self.root)));
                }
                found = Some(name);
            }
        }
        let Some(name) = found else {
            return Err(KustomizeError::Missing(self.shown(&self.root)));
        };
        let parsed = Kustomization::parse(&self.full(name), &self.read(name)?)?;
        Ok((parsed, name.to_owned()))
    }
}

/// Whether an entry names something that is not in the tree: a URL or a repository.
pub fn is_remote(path: &str) -> bool {
    const HOSTS: [&str; 6] = [
        "github.com/",
        "github.com:",
        "git@",
        "git::",
        "bitbucket.org/",
        "gitlab.com/",
    ];
    path.contains("://") || HOSTS.iter().any(|host| path.starts_with(host))
}

/// The resources of a stream; lists are taken apart, empty documents dropped.
///
/// # Errors
/// Broken YAML, and documents without a kind or a name.
pub(crate) fn parse_resources(file: &str, bytes: &[u8]) -> Result<Vec<Resource>, KustomizeError> {
    let documents =
        argosy_yaml::parse_documents_with(file, bytes, &Limits::default(), Dialect::V3)?;
    let mut found = Vec::new();
    let mut queue: std::collections::VecDeque<(Value, Origin)> = documents
        .into_iter()
        .map(|Document { value, origin }| (value, origin))
        .collect();
    while let Some((value, origin)) = queue.pop_front() {
        let empty = match &value {
            Value::Null => true,
            Value::Object(map) => map.is_empty(),
            _ => false,
        };
        if empty {
            continue;
        }
        check_metadata(&value, &origin)?;
        let is_list = crate::id::text(&value, "kind").ends_with("List");
        match value.get("items") {
            Some(Value::Array(items)) if is_list => {
                queue.extend(items.iter().map(|item| (item.clone(), origin.clone())));
            }
            Some(Value::Null) if is_list => {}
            Some(_) if is_list => {
                let text = "expected a list in items";
                return Err(KustomizeError::invalid(&origin, text));
            }
            _ => found.push(Resource::new(value, origin)),
        }
    }
    Ok(found)
}

fn check_metadata(value: &Value, origin: &Origin) -> Result<(), KustomizeError> {
    let kind = crate::id::text(value, "kind");
    let problem = if !value.is_object() {
        "expected an object"
    } else if kind.is_empty() {
        "missing kind in object"
    } else if kind.ends_with("List") || !crate::id::meta_text(value, "name").is_empty() {
        return Ok(());
    } else {
        "missing metadata.name in object"
    };
    Err(KustomizeError::invalid(origin, problem))
}
