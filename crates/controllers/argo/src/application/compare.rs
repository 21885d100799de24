//! The stages from sources to a comparison, in their order.

use super::ApplicationController;
use super::instance_name;
use super::record::Record;
use super::validate::Valid;
use argosy_crds::{ResourceStatus, Source};
use argosy_diff::{Comparison, Desired, IgnoreRules, compare};
use argosy_object::{Class, Classified as _, Finding, Gvk, Key};
use argosy_pipeline::{Live, RenderedApp, Sourced, StageError, live, live_want, source};
use argosy_ports::{Cluster, ClusterFacts};
use argosy_render::{Request, Tool};
use argosy_sync::{DesiredInput, DesiredSet, TrackingId, desired};
use std::sync::Arc;

/// What the stages up to the comparison found out.
pub(crate) struct Compared {
    pub(crate) cluster: Arc<dyn Cluster>,
    pub(crate) comparison: Comparison,
    pub(crate) revisions: Vec<String>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) tools: Vec<Tool>,
    pub(crate) namespace_exists: bool,
}

impl ApplicationController {
    /// source -> render -> desired -> live -> compare.
    pub(crate) async fn compare(
        &self,
        key: &Key,
        valid: &Valid,
        record: &Record,
        last: &[ResourceStatus],
    ) -> Result<Compared, StageError> {
        let ports = &self.hub.ports;
        let spec = &valid.spec;
        let instance = instance_name(key, &ports.namespace);
        let times = &self.hub.stage_times;
        let followed = self.followed(valid);
        self.follows.looks(key, &followed);
        let sources = source(&*ports.sources, spec.all_sources(), spec.project_name());
        let sources = times.measure("source", sources).await?;
        for (followed, sourced) in followed.iter().zip(&sources) {
            let revision = &sourced.artifact.revision;
            self.follows.stands_at(key, followed, revision);
        }
        let cluster = ports
            .clusters
            .by_server(&valid.destination.server)
            .await
            .map_err(StageError::Live)?;
        let facts = cluster.facts().await.map_err(StageError::Live)?;
        let rendered = self.render(key, valid, &sources, &facts, record);
        let rendered = times.measure("render", rendered).await?;
        let RenderedApp {
            objects,
            mut findings,
            tools,
        } = rendered;
        let set = times.measure_now("desired", || {
            self.desired(valid, &instance, objects, &facts)
        });
        findings.extend(set.findings);
        let mut want = live_want(&instance, &set.objects, last);
        let namespace = namespace_key(valid);
        want.present.extend(namespace.clone());
        let Live {
            objects: live,
            present,
        } = times.measure("live", live(&*cluster, &want)).await?;
        let ignore = IgnoreRules::new(&spec.ignore_differences)
            .map_err(|error| StageError::Compare(error.to_string()))?;
        let is_ours = |object: &argosy_object::Object| {
            TrackingId::of(object).is_some_and(|id| id.instance == instance)
        };
        let namespace_exists = namespace
            .as_ref()
            .is_some_and(|(_, namespace)| present.contains(namespace));
        let mut comparison = times.measure_now("compare", || {
            compare(set.objects, &live, &is_ours, &ignore, &self.hub.schemas)
        });
        missing_kinds(&mut comparison, &facts);
        let revisions = sources
            .iter()
            .map(|s| s.artifact.revision.to_string())
            .collect();
        Ok(Compared {
            cluster,
            comparison,
            revisions,
            findings,
            tools,
            namespace_exists,
        })
    }

    async fn render(
        &self,
        key: &Key,
        valid: &Valid,
        sources: &[Sourced],
        facts: &ClusterFacts,
        record: &Record,
    ) -> Result<RenderedApp, StageError> {
        let namespace = key.namespace.as_deref().unwrap_or_default();
        let template = Request {
            app_name: key.name.to_string(),
            namespace: valid.spec.destination.namespace.clone(),
            project: valid.spec.project_name().into(),
            seed: self.hub.ports.seed.of_application(namespace, &key.name),
            born: valid.born,
            tools: self.hub.settings.tools(),
            ..Request::default()
        };
        let permit = |url: &str| {
            let source = Source {
                repo_url: url.to_owned(),
                ..Source::default()
            };
            let permitted = valid.project.permit_source(&source);
            permitted.map_err(|denied| denied.to_string())
        };
        self.hub
            .render
            .render(sources, &template, facts, &record.cache, &permit)
            .await
    }

    fn desired(
        &self,
        valid: &Valid,
        instance: &str,
        objects: Vec<(argosy_object::Object, argosy_object::Origin)>,
        facts: &ClusterFacts,
    ) -> DesiredSet {
        let is_namespaced = |gvk: &Gvk| facts.resource(gvk).map(|resource| resource.namespaced);
        desired(
            objects,
            &DesiredInput {
                instance,
                namespace: &valid.spec.destination.namespace,
                server: (&valid.destination.server, &valid.destination.name),
                is_namespaced: &is_namespaced,
                project: &valid.project,
            },
        )
    }
}

/// The destination's namespace, where a sync may have to make it.
fn namespace_key(valid: &Valid) -> Option<(Gvk, Key)> {
    let name = &valid.spec.destination.namespace;
    let creates = valid.spec.has_sync_option("CreateNamespace=true");
    (creates && !name.is_empty()).then(|| {
        (
            Gvk::new("", "v1", "Namespace"),
            Key::new("", "Namespace", None, name),
        )
    })
}

/// Marks objects of kinds that the cluster does not serve and that the application does not
/// define itself: they cannot be applied, and the row says so.
fn missing_kinds(comparison: &mut Comparison, facts: &ClusterFacts) {
    let defined: Vec<(String, String)> = comparison
        .rows
        .iter()
        .filter_map(|row| definition(row.desired.as_ref()?))
        .collect();
    for row in &mut comparison.rows {
        let Some(desired) = &row.desired else {
            continue;
        };
        let gvk = desired.object.gvk();
        let is_defined = defined
            .iter()
            .any(|(group, kind)| **group == *gvk.group && **kind == *gvk.kind);
        let skips =
            argosy_sync::ObjectOptions::new(&desired.object, &[]).is("SkipDryRunOnMissingResource");
        if facts.resource(&gvk).is_none() && !is_defined && !skips && row.error.is_none() {
            row.error = Some(format!(
                "The Kubernetes API could not find {group}/{kind} for requested resource \
                 {namespace}/{name}. Make sure the \"{kind}\" CRD is installed on the \
                 destination cluster.",
                group = gvk.group,
                kind = gvk.kind,
                namespace = row.key.namespace_or_empty(),
                name = row.key.name,
            ));
        }
    }
}

fn definition(desired: &Desired) -> Option<(String, String)> {
    let text = |pointer| {
        desired
            .object
            .pointer(pointer)
            .and_then(argosy_object::Value::as_str)
    };
    (desired.object.kind() == "CustomResourceDefinition").then_some(())?;
    Some((
        text("/spec/group")?.into(),
        text("/spec/names/kind")?.into(),
    ))
}

/// Whether an early stop says something about the desired state, and not about the way to it.
pub(crate) fn is_about_target(error: &StageError) -> bool {
    !matches!(error, StageError::Live(_)) && error.class() != Class::Bug
}

/// When an Application was made.
pub fn born(application: &argosy_object::Object) -> Option<jiff::Timestamp> {
    let made = application.pointer("/metadata/creationTimestamp")?;
    made.as_str()?.parse().ok()
}
