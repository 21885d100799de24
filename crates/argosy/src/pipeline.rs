//! The stages of one Application in this process, for `app diff` and `app manifests`.

use crate::session::{Connected, Session};
use argosy_argo::application::{born, instance_name};
use argosy_argo::{Destinations, random_key};
use argosy_cli::hub::{self, Hub};
use argosy_cli::{Failure, hub::failed};
use argosy_crds::{ApplicationSpec, ApplicationStatus, ClusterSecret, ProjectSpec, Source};
use argosy_diff::{Comparison, IgnoreRules, compare as compare_objects};
use argosy_git::DiskTree;
use argosy_kube::{ClusterSettings, KubeClusters};
use argosy_object::{Digest, Gvk, Object, Str};
use argosy_pipeline::{RenderCache, RenderPool, Sourced, live, live_want, source};
use argosy_policy::Project;
use argosy_ports::{Artifact, Clusters as _, Sources};
use argosy_render::{Request, Seed};
use argosy_schema::Schemas;
use argosy_sync::{DesiredInput, TrackingId, desired};
use argosy_tree::Tree as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is taken instead of what the spec says.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// Another revision of the first source.
    pub revision: Option<String>,
    /// A folder of this machine instead of the first source's path.
    pub local: Option<PathBuf>,
}

/// What came out.
pub struct Compared {
    /// All objects.
    pub comparison: Comparison,
}

/// source -> render -> desired -> live -> compare, with the caller's own rights.
///
/// # Errors
/// [`Failure`] of the first stage that fails.
pub async fn compare(
    session: &Session,
    connected: &Connected,
    app: &Object,
    overrides: &Overrides,
) -> Result<Compared, Failure> {
    let hub = &connected.hub;
    let fail = |error: &dyn std::error::Error| {
        Failure::from_error(error)
            .while_doing(format!("cannot compare application `{}`", app.name()))
    };
    let mut spec = ApplicationSpec::of(app).map_err(|error| fail(&error))?;
    override_revision(&mut spec, overrides.revision.as_deref());
    let project = project(hub, spec.project_name()).await?;
    let secrets = hub.clusters().await?;
    let destinations = Destinations::default();
    destinations.set(
        secrets
            .iter()
            .filter_map(|s| ClusterSecret::of(s).ok())
            .collect(),
    );
    let destination = destinations
        .resolve(&spec.destination)
        .map_err(|error| fail(&error))?;
    let fleet: Arc<dyn Sources> = Arc::new(session.sources(hub).await?);
    let sourced = sources(&*fleet, &spec, overrides.local.as_deref()).await?;
    let schemas = Schemas::builtin();
    let clusters = clusters(connected, &secrets, &schemas);
    let cluster = clusters
        .by_server(&destination.server)
        .await
        .map_err(|error| {
            failed(
                &error,
                &format!("cannot reach cluster `{}`", destination.name),
            )
        })?;
    let facts = cluster.facts().await.map_err(|error| {
        failed(
            &error,
            &format!("cannot ask cluster `{}` what it serves", destination.name),
        )
    })?;
    let seed = seed(session, hub).await;
    let template = Request {
        app_name: app.name().to_owned(),
        namespace: spec.destination.namespace.clone(),
        project: spec.project_name().into(),
        seed: seed.of_application(app.namespace().unwrap_or_default(), app.name()),
        born: born(app),
        ..Request::default()
    };
    let permit = |url: &str| {
        let source = Source {
            repo_url: url.to_owned(),
            ..Source::default()
        };
        let permitted = project.permit_source(&source);
        permitted.map_err(|denied| denied.to_string())
    };
    let fleet: Arc<dyn Sources> = Arc::new(session.sources(hub).await?);
    let rendered = RenderPool::default()
        .with_sources(fleet)
        .with_remote_hosts(session.settings.remote_hosts.clone())
        .render(
            &sourced,
            &template,
            &facts,
            &RenderCache::default(),
            &permit,
        )
        .await
        .map_err(|error| fail(&error))?;
    for finding in &rendered.findings {
        session.tell(&format!("warning: {}", finding.message));
    }
    let instance = instance_name(&app.key(), hub.namespace());
    let is_namespaced = |gvk: &Gvk| facts.resource(gvk).map(|resource| resource.namespaced);
    let set = desired(
        rendered.objects,
        &DesiredInput {
            instance: &instance,
            namespace: &spec.destination.namespace,
            server: (&destination.server, &destination.name),
            is_namespaced: &is_namespaced,
            project: &project,
        },
    );
    let last = ApplicationStatus::of(app).unwrap_or_default().resources;
    let want = live_want(&instance, &set.objects, &last);
    let live = live(&*cluster, &want).await.map_err(|error| fail(&error))?;
    let ignore = IgnoreRules::new(&spec.ignore_differences).map_err(|error| fail(&error))?;
    let is_ours =
        |object: &Object| TrackingId::of(object).is_some_and(|id| id.instance == instance);
    let comparison = compare_objects(set.objects, &live.objects, &is_ours, &ignore, &schemas);
    Ok(Compared { comparison })
}

fn override_revision(spec: &mut ApplicationSpec, revision: Option<&str>) {
    let Some(revision) = revision else { return };
    let first = if spec.sources.is_empty() {
        spec.source.as_mut()
    } else {
        spec.sources.first_mut()
    };
    if let Some(first) = first {
        revision.clone_into(&mut first.target_revision);
    }
}

async fn project(hub: &Hub, name: &str) -> Result<Project, Failure> {
    let object = hub.get(&hub::projects(), hub.namespace(), name).await?;
    let spec = ProjectSpec::of(&object).map_err(|error| Failure::from_error(&error))?;
    Ok(Project {
        name: name.into(),
        spec,
    })
}

async fn sources(
    fleet: &dyn Sources,
    spec: &ApplicationSpec,
    local: Option<&Path>,
) -> Result<Vec<Sourced>, Failure> {
    let all = spec.all_sources();
    let Some(local) = local else {
        return source(fleet, all, spec.project_name())
            .await
            .map_err(|error| Failure::of(&error));
    };
    let Some((first, others)) = all.split_first() else {
        return Err(Failure::new("the application has no source"));
    };
    let tree = DiskTree::open(local).map_err(|error| {
        Failure::from_error(&error).while_doing(format!("cannot read folder `{}`", local.display()))
    })?;
    let mut here = first.clone();
    ".".clone_into(&mut here.path);
    here.chart.clear();
    let mut sourced = vec![Sourced {
        artifact: Artifact {
            repo: fleet.repo(&first.repo_url, spec.project_name()),
            revision: "local".into(),
            digest: Digest::of(&tree.root().0),
            chart: Str::default(),
            pass_credentials: false,
        },
        source: here,
        tree: Arc::new(tree),
    }];
    let others = source(fleet, others, spec.project_name())
        .await
        .map_err(|error| Failure::of(&error))?;
    sourced.extend(others);
    Ok(sourced)
}

fn clusters(connected: &Connected, secrets: &[Object], schemas: &Arc<Schemas>) -> KubeClusters {
    let clusters = KubeClusters::new(
        connected.transport.clone(),
        connected.service.clone(),
        connected.hub.namespace(),
        ClusterSettings::new(schemas.clone()),
    );
    for secret in secrets {
        // One that cannot be used matters only where it is the destination; it is an error then.
        let _ = clusters.set_secret(secret);
    }
    clusters
}

/// What the hub's random functions start from, where the caller may know it.
async fn seed(session: &Session, hub: &Hub) -> Seed {
    match random_key(&**hub.api(), hub.namespace()).await {
        Ok(seed) => seed.unwrap_or_default(),
        Err(error) => {
            session.tell(&format!(
                "warning: what random functions of templates give differs from the hub's: {error}"
            ));
            Seed::default()
        }
    }
}
