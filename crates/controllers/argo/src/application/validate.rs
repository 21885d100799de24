//! Whether an Application says something that can be done, and may be.

use crate::context::Hub;
use crate::destinations::ResolvedDestination;
use argosy_crds::{ApplicationSpec, ProjectSpec, Source};
use argosy_object::{Key, Object};
use argosy_policy::Project;

/// The spec, its project and its cluster, all three in order.
pub(crate) struct Valid {
    pub(crate) spec: ApplicationSpec,
    pub(crate) project: Project,
    pub(crate) destination: ResolvedDestination,
    /// When the Application was made.
    pub(crate) born: Option<jiff::Timestamp>,
}

/// Checks a spec against its project. Every complaint becomes an `InvalidSpecError`.
pub(crate) fn validate(hub: &Hub, application: &Object) -> Result<Valid, Vec<String>> {
    let spec = ApplicationSpec::of(application).map_err(|error| vec![error.to_string()])?;
    validate_spec(hub, spec, super::born(application))
}

pub(crate) fn validate_spec(
    hub: &Hub,
    spec: ApplicationSpec,
    born: Option<jiff::Timestamp>,
) -> Result<Valid, Vec<String>> {
    let mut complaints = shape(&spec);
    let project = project(hub, spec.project_name())
        .map_err(|error| complaints.push(error))
        .ok();
    let destination = hub
        .destinations
        .resolve(&spec.destination)
        .map_err(|error| complaints.push(error.to_string()))
        .ok();
    let (Some(project), Some(destination)) = (project, destination) else {
        return Err(complaints);
    };
    for source in spec.all_sources() {
        complaints.extend(
            project
                .permit_source(source)
                .err()
                .map(|denied| denied.to_string()),
        );
    }
    let namespace = &spec.destination.namespace;
    let to = project.permit_destination(&destination.server, &destination.name, namespace);
    complaints.extend(to.err().map(|denied| denied.to_string()));
    if !destination.project.is_empty() && destination.project != project.name {
        complaints.push(format!(
            "cluster '{}' belongs to project '{}'",
            destination.name, destination.project
        ));
    }
    if complaints.is_empty() {
        Ok(Valid {
            spec,
            project,
            destination,
            born,
        })
    } else {
        Err(complaints)
    }
}

/// What every source must have, and what is not supported yet.
fn shape(spec: &ApplicationSpec) -> Vec<String> {
    let mut complaints = vec![];
    if spec.source_hydrator.is_some() {
        complaints.push("`spec.sourceHydrator` is not supported yet".into());
    }
    if spec.all_sources().is_empty() && spec.source_hydrator.is_none() {
        complaints.push(
            "spec.source.repoURL and either source.path, source.chart, or source.ref are required"
                .into(),
        );
    }
    for source in spec.all_sources() {
        let has_place =
            !source.path.is_empty() || !source.chart.is_empty() || !source.reference.is_empty();
        if source.repo_url.is_empty() || !has_place {
            complaints.push(
                "spec.source.repoURL and either source.path, source.chart, or source.ref are required"
                    .into(),
            );
        }
        if !source.chart.is_empty() && source.target_revision.is_empty() {
            complaints.push(
                "spec.source.targetRevision is required if the manifest source is a helm chart"
                    .into(),
            );
        }
    }
    complaints.dedup();
    complaints
}

impl Hub {
    /// Whether a project may read a repository. Without a project, as a set may be whose template
    /// names one later, nothing is asked.
    ///
    /// # Errors
    /// A sentence that says why not.
    pub fn permit_repository(&self, name: &str, url: &str) -> Result<(), String> {
        if name.is_empty() {
            return Ok(());
        }
        let source = Source {
            repo_url: url.to_owned(),
            ..Source::default()
        };
        project(self, name)?
            .permit_source(&source)
            .map_err(|denied| denied.to_string())
    }
}

/// The project of a name, from the hub.
fn project(hub: &Hub, name: &str) -> Result<Project, String> {
    let key = Key::new(
        "argoproj.io",
        "AppProject",
        Some(&hub.ports.namespace),
        name,
    );
    let object = hub
        .store
        .get(&key)
        .ok_or_else(|| format!("Application referencing project {name} which does not exist"))?;
    let spec = ProjectSpec::of(&object)
        .map_err(|error| format!("AppProject `{name}` cannot be read: {error}"))?;
    Ok(Project {
        name: name.into(),
        spec,
    })
}
