//! The file that says how a folder is rendered, and where that folder lies.

use argosy_cli::Failure;
use argosy_crds::{FLUX_KUSTOMIZE_GROUP, names::ARGO_GROUP};
use argosy_git::DiskTree;
use argosy_object::Object;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The largest file that is read.
const MAX_BYTES: u64 = 16 << 20;

/// What a folder is rendered as.
pub(super) enum Definition {
    /// The Application, or nothing: flags alone say it.
    Argo(Vec<Object>),
    /// A Kustomization of Flux.
    Flux(Box<Object>),
}

impl Definition {
    /// The Application or the Kustomization of Flux in a file, whichever it holds.
    pub(super) fn read(file: &Path, name: Option<&str>) -> Result<Self, Failure> {
        let objects = objects(file)?;
        let found = objects
            .into_iter()
            .filter(|o| is_application(o) || is_flux(o));
        let one = only(
            file,
            found.collect(),
            name,
            "Application or Kustomization of Flux",
        )?;
        Ok(if is_flux(&one) {
            Self::Flux(Box::new(one))
        } else {
            Self::Argo(vec![one])
        })
    }

    /// The Application in a file.
    pub(super) fn application(file: &Path, name: Option<&str>) -> Result<Self, Failure> {
        let found = objects(file)?.into_iter().filter(is_application);
        only(file, found.collect(), name, "Application").map(|one| Self::Argo(vec![one]))
    }

    /// The Kustomization of Flux in a file.
    pub(super) fn flux(file: &Path, name: Option<&str>) -> Result<Self, Failure> {
        let found = objects(file)?.into_iter().filter(is_flux);
        let one = only(file, found.collect(), name, "Kustomization of Flux")?;
        Ok(Self::Flux(Box::new(one)))
    }
}

fn is_application(object: &Object) -> bool {
    object.kind() == "Application" && *object.gvk().group == *ARGO_GROUP
}

fn is_flux(object: &Object) -> bool {
    object.kind() == "Kustomization" && *object.gvk().group == *FLUX_KUSTOMIZE_GROUP
}

/// The only one, or of several the one of that name. A name beside the only one renames it.
fn only(
    file: &Path,
    mut found: Vec<Object>,
    name: Option<&str>,
    what: &str,
) -> Result<Object, Failure> {
    let file = file.display();
    if found.len() > 1 {
        let names: Vec<&str> = found.iter().map(Object::name).collect();
        let names = names.join(", ");
        let Some(name) = name else {
            return Err(Failure::new(format!("`{file}` holds several: {names}"))
                .hint("`--name NAME` chooses one"));
        };
        found.retain(|object| object.name() == name);
        if found.is_empty() {
            return Err(Failure::new(format!(
                "`{file}` holds no `{name}`, but {names}"
            )));
        }
    }
    found
        .into_iter()
        .next()
        .ok_or_else(|| Failure::new(format!("`{file}` holds no {what}")))
}

/// The objects of a file, or of standard input for `-`.
pub(super) fn objects(file: &Path) -> Result<Vec<Object>, Failure> {
    let name = file.display().to_string();
    let failed = |error: &dyn std::error::Error| {
        Failure::from_error(error).while_doing(format!("cannot read `{name}`"))
    };
    let mut bytes = Vec::new();
    let read = if name == "-" {
        std::io::stdin().take(MAX_BYTES + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file)
            .and_then(|opened| opened.take(MAX_BYTES + 1).read_to_end(&mut bytes))
    };
    let read = read.map_err(|error| failed(&error))?;
    if read as u64 > MAX_BYTES {
        let text = format!("`{name}` is larger than {} MiB", MAX_BYTES >> 20);
        return Err(Failure::new(text));
    }
    let objects = argosy_yaml::parse_stream(&name, &bytes, &argosy_yaml::Limits::default())
        .map_err(|error| failed(&error))?;
    Ok(objects.into_iter().map(|(object, _)| object).collect())
}

/// A folder of a repository.
pub(super) struct Place {
    /// The repository's folder on this machine.
    pub(super) root: PathBuf,
    pub(super) tree: DiskTree,
    /// The folder's path in it, `.` for the repository itself.
    pub(super) path: String,
    /// The folder's own name.
    pub(super) name: Option<String>,
}

impl Place {
    /// A folder in the repository that it stands in; in none, it is the repository itself.
    pub(super) fn of_folder(folder: &Path) -> Result<Self, Failure> {
        let folder = folder
            .canonicalize()
            .map_err(|error| Failure::from_error(&error))?;
        let root = repository(&folder);
        let below = folder.strip_prefix(&root).unwrap_or(Path::new(""));
        let below = below.to_string_lossy().into_owned();
        Self::new(root, below)
    }

    /// The folder that a definition names, in the repository that the definition stands in.
    pub(super) fn named(file: Option<&Path>, path: &str) -> Result<Self, Failure> {
        let file = file.filter(|file| *file != Path::new("-"));
        let beside = file.and_then(Path::parent);
        let beside = beside.filter(|folder| !folder.as_os_str().is_empty());
        let beside = beside.unwrap_or(Path::new("."));
        if file.is_none() && path.is_empty() {
            return Self::of_folder(beside);
        }
        let folder = beside
            .canonicalize()
            .map_err(|error| Failure::from_error(&error))?;
        Self::new(repository(&folder), path.trim_start_matches('/').to_owned())
    }

    fn new(root: PathBuf, below: String) -> Result<Self, Failure> {
        let tree = DiskTree::open(&root).map_err(|error| Failure::from_error(&error))?;
        let path = if below.is_empty() {
            ".".to_owned()
        } else {
            below
        };
        let folder = root.join(&path);
        let name = folder.components().next_back().map(|name| {
            let name = name.as_os_str();
            name.to_string_lossy().into_owned()
        });
        Ok(Self {
            root,
            tree,
            path,
            name,
        })
    }
}

fn repository(folder: &Path) -> PathBuf {
    let mut parents = folder.ancestors();
    let found = parents.find(|parent| parent.join(".git").exists());
    found.unwrap_or(folder).to_path_buf()
}
