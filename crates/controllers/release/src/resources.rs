//! The objects of a release as they are in the cluster, for `status`.

use crate::Releases;
use crate::error::ReleaseError;
use argosy_helm::release::Release;
use argosy_object::{Gvk, Map, Object, Value as Json};
use argosy_ports::{ListOptions, Resource, TableOf};

/// Objects by `version/Kind`, in the order they were found; tables where they were asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resources(Vec<(String, Vec<Json>)>);

impl Resources {
    fn add(&mut self, kind: &str, object: Json) {
        match self.0.iter_mut().find(|(known, _)| known == kind) {
            Some((_, objects)) => objects.push(object),
            None => self.0.push((kind.to_owned(), vec![object])),
        }
    }

    /// The kinds with their objects.
    pub fn kinds(&self) -> &[(String, Vec<Json>)] {
        &self.0
    }

    /// As `info.resources` of a release has them.
    pub fn to_map(&self) -> Map<String, Json> {
        let kinds = self.0.iter();
        kinds
            .map(|(kind, objects)| (kind.clone(), Json::Array(objects.clone())))
            .collect()
    }
}

impl Releases {
    /// The objects of a release and the pods of its workloads; what is not there is left out.
    ///
    /// # Errors
    /// Where the record's text makes no objects.
    pub async fn resources(
        &self,
        release: &Release,
        as_tables: bool,
    ) -> Result<Resources, ReleaseError> {
        let objects = self.build(&release.manifest).await;
        let objects = objects.map_err(|error| ReleaseError::Refused(error.to_string()))?;
        let mut found = Resources::default();
        let mut selectors = Vec::new();
        for object in objects {
            let Ok(resource) = self.resource(&object).await else {
                continue;
            };
            let kind = format!("{}/{}", resource.gvk.version, resource.gvk.kind);
            let Some(live) = self.look(&resource, &object, as_tables).await else {
                continue;
            };
            found.add(&kind, live);
            // Compat: the selector of what the record says.
            let Some(selector) = pods_of(&object).filter(|new| !selectors.contains(new)) else {
                continue;
            };
            self.add_pods(&object, &selector, as_tables, &mut found)
                .await;
            selectors.push(selector);
        }
        Ok(found)
    }

    async fn look(&self, resource: &Resource, object: &Object, as_table: bool) -> Option<Json> {
        let (namespace, name) = (object.namespace(), object.name());
        if as_table {
            let wanted = TableOf::Name { namespace, name };
            return self.cluster.table(resource, &wanted).await.ok();
        }
        let live = self.cluster.get(resource, namespace, name).await;
        live.ok().flatten().map(Object::into_value)
    }

    async fn add_pods(
        &self,
        object: &Object,
        selector: &str,
        as_tables: bool,
        found: &mut Resources,
    ) {
        const KIND: &str = "v1/Pod(related)";
        let pods = Resource::new(Gvk::new("", "v1", "Pod"), "pods", true);
        let namespace = object.namespace().unwrap_or(self.namespace());
        if as_tables {
            let wanted = TableOf::Labels {
                namespace,
                labels: selector,
            };
            if let Ok(table) = self.cluster.table(&pods, &wanted).await {
                found.add(KIND, table);
            }
            return;
        }
        let options = ListOptions {
            namespace: Some(namespace.to_owned()),
            labels: Some(selector.to_owned()),
            fields: None,
        };
        if let Ok(list) = self.cluster.list(&pods, &options).await {
            for pod in list.items {
                found.add(KIND, pod.into_value());
            }
        }
    }
}

/// The selector of a workload's pods, in kubectl's words.
fn pods_of(object: &Object) -> Option<String> {
    match object.kind() {
        "ReplicaSet"
        | "Deployment"
        | "StatefulSet"
        | "DaemonSet"
        | "Job"
        | "ReplicationController" => selector_of(object),
        _ => None,
    }
}

/// The labels that a workload selects pods by.
pub(crate) fn selector_of(object: &Object) -> Option<String> {
    let pointer = match object.kind() {
        "ReplicationController" => "/spec/selector",
        _ => "/spec/selector/matchLabels",
    };
    let labels = object.pointer(pointer)?.as_object()?;
    let pairs: Option<Vec<String>> = labels
        .iter()
        .map(|(key, value)| Some(format!("{key}={}", value.as_str()?)))
        .collect();
    Some(pairs?.join(","))
}
