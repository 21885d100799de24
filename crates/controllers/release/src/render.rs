//! A chart rendered for a cluster: its version, its kinds, and what templates look up.

use crate::Releases;
use crate::error::ReleaseError;
use argosy_helm::{
    Chart, GoTime, HelmError, KubeVersion, Lookup, Lookups, Outside, ReleaseRequest, Rendering,
    Step, Table, render_release,
};
use argosy_object::{Digest, Gvk, Value as Json, json};
use argosy_ports::{ClusterFacts, ListOptions};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How often a chart may ask for more.
const ROUNDS: usize = 8;

/// What a revision is rendered for.
pub(crate) struct Rendered<'a> {
    pub name: &'a str,
    pub namespace: &'a str,
    pub chart: &'a Chart,
    pub values: Table,
    pub version: i64,
    pub is_upgrade: bool,
    /// Whether templates see the cluster's objects.
    pub looks_up: bool,
    /// `None` for what helm assumes without a cluster.
    pub facts: Option<Arc<ClusterFacts>>,
    pub skip_schema_validation: bool,
    pub seed: Digest,
    pub outside: Outside,
}

impl Releases {
    pub(crate) async fn render(&self, wanted: Rendered<'_>) -> Result<Rendering, ReleaseError> {
        let mut request = ReleaseRequest::new(wanted.name, wanted.namespace);
        request.revision = wanted.version;
        request.is_upgrade = wanted.is_upgrade;
        request.values = wanted.values;
        request.skip_schema_validation = wanted.skip_schema_validation;
        request.seed = wanted.seed;
        request.outside = wanted.outside;
        request.now = GoTime::new(self.clock.now().to_zoned(self.zone.clone()));
        if let Some(facts) = &wanted.facts {
            request.kube_version =
                KubeVersion::parse(&facts.kube_version).map_err(ReleaseError::Refused)?;
            request.api_versions = facts.api_versions.to_vec();
            request.is_live = true;
        }
        let mut answers = BTreeMap::new();
        for _ in 0..ROUNDS {
            if wanted.looks_up {
                request.lookups = Lookups::Answers(answers.clone());
            }
            match render_release(wanted.chart, &request, &self.templates)? {
                Step::Done(rendering) => return Ok(*rendering),
                Step::Needs(lookups) => {
                    for lookup in lookups {
                        let found = self.look_up(&lookup, wanted.facts.as_deref()).await?;
                        answers.insert(lookup, found);
                    }
                }
            }
        }
        let text = format!("the chart's lookups depend on each other more than {ROUNDS} times");
        Err(HelmError::Limit(text).into())
    }

    /// Compat: an absent object is empty; a kind that is not there is an error.
    async fn look_up(
        &self,
        lookup: &Lookup,
        facts: Option<&ClusterFacts>,
    ) -> Result<Json, ReleaseError> {
        let gvk = Gvk::from_api_version(&lookup.api_version, &lookup.kind);
        let Some(resource) = facts.and_then(|facts| facts.resource(&gvk)) else {
            return Err(ReleaseError::Refused(format!(
                "error calling lookup: unable to get apiresource from unstructured: {}, Kind={}: \
                 the cluster has no such kind",
                lookup.api_version, lookup.kind
            )));
        };
        let failed = |error| ReleaseError::Cluster {
            doing: format!("error calling lookup of {} {:?}", lookup.kind, lookup.name),
            error,
        };
        let namespace = Some(lookup.namespace.as_str()).filter(|text| !text.is_empty());
        if lookup.name.is_empty() {
            let options = ListOptions {
                namespace: namespace.map(str::to_owned),
                ..ListOptions::default()
            };
            let list = self
                .cluster
                .list(resource, &options)
                .await
                .map_err(failed)?;
            let items: Json = list
                .items
                .into_iter()
                .map(|item| item.into_value())
                .collect();
            return Ok(json!({
                "apiVersion": lookup.api_version,
                "kind": format!("{}List", lookup.kind),
                "metadata": {"resourceVersion": list.resource_version},
                "items": items,
            }));
        }
        if resource.namespaced && namespace.is_none() {
            // No namespace names no object of a namespaced kind.
            return Ok(Json::Null);
        }
        let found = self
            .cluster
            .get(resource, namespace, &lookup.name)
            .await
            .map_err(failed)?;
        Ok(found.map_or(Json::Null, argosy_object::Object::into_value))
    }
}
