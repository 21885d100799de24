//! The folder of a case.

use argosy_cli::Failure;
use argosy_crds::{ApplicationSpec, ProjectSpec, SyncOperation};
use argosy_git::DiskTree;
use argosy_object::{Key, Object, Value, json};
use argosy_policy::Project;
use argosy_schema::Schemas;
use argosy_tree::Tree;
use argosy_yaml::Limits;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Largest file of a case.
const MAX_FILE: u64 = 64 << 20;
/// The cluster's version where the request names none.
const KUBE_VERSION: &str = "v1.36.3";

/// What a case holds.
pub(super) struct Case {
    dir: PathBuf,
    /// The stage that the folder is about, where it says so.
    pub(super) stage: Option<String>,
    /// The Application.
    pub(super) application: Object,
    /// Its spec.
    pub(super) spec: ApplicationSpec,
    /// Its project; without one everything is allowed.
    pub(super) project: Project,
    /// Server and name of the destination.
    pub(super) destination: (String, String),
    /// The cluster's version.
    pub(super) kube_version: String,
    /// The cluster's API versions; those of a plain cluster where the request names none.
    pub(super) api_versions: Arc<[String]>,
    /// `kustomize.buildOptions` of the fleet's settings.
    pub(super) build_options: String,
    /// What is known of kinds, with the request's CRDs.
    pub(super) schemas: Arc<Schemas>,
    /// The operation.
    pub(super) sync: SyncOperation,
    /// The sources' trees.
    pub(super) trees: Vec<Arc<dyn Tree>>,
    /// The live objects.
    pub(super) live: BTreeMap<Key, Object>,
}

impl Case {
    /// Reads a folder.
    ///
    /// # Errors
    /// [`Failure`] with the file that is missing or wrong.
    pub(super) fn read(dir: &Path) -> Result<Self, Failure> {
        let request_path = dir.join("request.yaml");
        let bytes = read(&request_path)?.ok_or_else(|| {
            Failure::new(format!(
                "`{}` is no case: it has no `request.yaml`",
                dir.display()
            ))
            .hint("`argosy debug --help` says what a case holds")
        })?;
        let shown = request_path.display().to_string();
        let request = argosy_yaml::from_slice(&bytes).map_err(|error| {
            Failure::from_error(&error).while_doing(format!("cannot read `{shown}`"))
        })?;
        let request = Request {
            value: &request,
            shown: &shown,
        };
        let application = request
            .object("application")?
            .ok_or_else(|| Failure::new(format!("`{shown}` has no `application`")))?;
        let spec =
            ApplicationSpec::of(&application).map_err(|error| Failure::from_error(&error))?;
        let crds = request.objects("crds")?;
        let mut schemas = Schemas::builtin();
        if !crds.is_empty() {
            schemas = schemas.with_crds(&crds);
        }
        // No stage here depends on the time yet; a case says it all the same, and says it well.
        if let Some(text) = text(dir, "now")? {
            text.parse::<jiff::Timestamp>()
                .map_err(|error| Failure::new(format!("`now` is no time: {error}")))?;
        }
        Ok(Self {
            stage: text(dir, "stage")?,
            project: project(&request, &spec)?,
            destination: request.destination(&spec),
            kube_version: request
                .text("/kubeVersion")
                .unwrap_or(KUBE_VERSION)
                .to_owned(),
            api_versions: request.api_versions(&schemas),
            build_options: request
                .text("/kustomizeBuildOptions")
                .unwrap_or_default()
                .to_owned(),
            sync: request.sync()?,
            trees: trees(dir, spec.all_sources().len())?,
            live: live(dir)?,
            dir: dir.to_owned(),
            application,
            spec,
            schemas,
        })
    }

    /// The expected outcome, where there is one.
    pub(super) fn expected(&self) -> Result<Option<String>, Failure> {
        let bytes = read(&self.dir.join("expected.yaml"))?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Makes this outcome the expected one.
    pub(super) fn write_expected(&self, outcome: &str) -> Result<(), Failure> {
        let path = self.dir.join("expected.yaml");
        std::fs::write(&path, outcome).map_err(|error| {
            Failure::from_error(&error).while_doing(format!("cannot write `{}`", path.display()))
        })
    }
}

struct Request<'r> {
    value: &'r Value,
    shown: &'r str,
}

impl Request<'_> {
    fn text(&self, pointer: &str) -> Option<&str> {
        self.value.pointer(pointer).and_then(Value::as_str)
    }

    fn object(&self, field: &str) -> Result<Option<Object>, Failure> {
        let Some(value) = self.value.get(field) else {
            return Ok(None);
        };
        self.as_object(field, value).map(Some)
    }

    fn objects(&self, field: &str) -> Result<Vec<Object>, Failure> {
        let values = self.value.get(field).and_then(Value::as_array);
        values
            .into_iter()
            .flatten()
            .map(|value| self.as_object(field, value))
            .collect()
    }

    fn as_object(&self, field: &str, value: &Value) -> Result<Object, Failure> {
        Object::new(value.clone()).map_err(|error| {
            Failure::from_error(&error)
                .while_doing(format!("`{field}` of `{}` is no object", self.shown))
        })
    }

    fn destination(&self, spec: &ApplicationSpec) -> (String, String) {
        let of = |pointer, own: &str| self.text(pointer).unwrap_or(own).to_owned();
        let wanted = &spec.destination;
        (
            of("/destination/server", &wanted.server),
            of("/destination/name", &wanted.name),
        )
    }

    fn api_versions(&self, schemas: &Schemas) -> Arc<[String]> {
        if let Some(given) = self.value.get("apiVersions").and_then(Value::as_array) {
            return given
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect();
        }
        let mut versions: Vec<String> = schemas
            .kinds()
            .flat_map(|kind| {
                let version = kind.gvk.api_version();
                [format!("{version}/{}", kind.gvk.kind), version]
            })
            .collect();
        versions.sort_unstable();
        versions.dedup();
        versions.into()
    }

    fn sync(&self) -> Result<SyncOperation, Failure> {
        let Some(value) = self.value.get("sync") else {
            return Ok(SyncOperation::default());
        };
        serde_json::from_value(value.clone()).map_err(|error| {
            Failure::from_error(&error).while_doing(format!("`sync` of `{}`", self.shown))
        })
    }
}

fn project(request: &Request<'_>, spec: &ApplicationSpec) -> Result<Project, Failure> {
    let object = match request.object("project")? {
        Some(object) => object,
        None => Object::from_trusted(json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
            "metadata": {"name": spec.project_name()},
            "spec": {"sourceRepos": ["*"],
                "destinations": [{"server": "*", "namespace": "*"}],
                "clusterResourceWhitelist": [{"group": "*", "kind": "*"}]},
        })),
    };
    let spec = ProjectSpec::of(&object).map_err(|error| Failure::from_error(&error))?;
    Ok(Project {
        name: object.name().to_owned(),
        spec,
    })
}

/// `tree`, `tree-2` and so on, as far as they are there.
fn trees(dir: &Path, sources: usize) -> Result<Vec<Arc<dyn Tree>>, Failure> {
    let mut trees: Vec<Arc<dyn Tree>> = Vec::new();
    for number in 1..=sources {
        let name = if number == 1 {
            "tree".to_owned()
        } else {
            format!("tree-{number}")
        };
        let path = dir.join(name);
        if !path.is_dir() {
            break;
        }
        let tree = DiskTree::open(&path).map_err(|error| {
            Failure::from_error(&error).while_doing(format!("cannot read `{}`", path.display()))
        })?;
        trees.push(Arc::new(tree));
    }
    Ok(trees)
}

fn live(dir: &Path) -> Result<BTreeMap<Key, Object>, Failure> {
    let path = dir.join("live.yaml");
    let Some(bytes) = read(&path)? else {
        return Ok(BTreeMap::new());
    };
    let shown = path.display().to_string();
    let objects =
        argosy_yaml::parse_stream(&shown, &bytes, &Limits::default()).map_err(|error| {
            Failure::from_error(&error).while_doing(format!("cannot read `{shown}`"))
        })?;
    Ok(objects
        .into_iter()
        .map(|(object, _)| (object.key(), object))
        .collect())
}

fn text(dir: &Path, name: &str) -> Result<Option<String>, Failure> {
    let bytes = read(&dir.join(name))?;
    let text = bytes.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    Ok(text.filter(|text| !text.is_empty()))
}

/// A file of the case; `None` where there is none.
fn read(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    let doing = || format!("cannot read `{}`", path.display());
    let size = match std::fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::from_error(&error).while_doing(doing())),
    };
    if size > MAX_FILE {
        return Err(
            Failure::new(format!("it is larger than {MAX_FILE} bytes")).while_doing(doing())
        );
    }
    let bytes =
        std::fs::read(path).map_err(|error| Failure::from_error(&error).while_doing(doing()))?;
    Ok(Some(bytes))
}
