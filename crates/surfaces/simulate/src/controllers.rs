//! The controllers' half: what kube-controller-manager does with workloads, as pure functions of
//! what is known. Each looks at one object and says what is to be done.

mod autoscaler;
mod cron_job;
mod daemon_set;
mod deployment;
mod endpoints;
mod job;
mod pods;
mod quota;
mod replica_set;
mod revision;
mod stateful_set;

use crate::cache::Cache;
use crate::kinds::{Id, Kind};
use crate::work::Work;
use argosy_object::Value;
use jiff::Timestamp;

/// What a reducer says: `now` is done at once; `soon` may wait a moment, because the next event
/// will likely make it moot (a count on its way up, endpoints not ready yet).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// To be done.
    pub now: Vec<Work>,
    /// To be done unless it changes soon.
    pub soon: Vec<Work>,
}

impl Plan {
    /// Nothing to do.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a status, at once where the object has settled.
    fn status(&mut self, settled: bool, work: Option<Work>) {
        if settled {
            self.now.extend(work);
        } else {
            self.soon.extend(work);
        }
    }
}

/// Plans for one object; kinds without a controller plan nothing.
pub fn plan(cache: &Cache, id: &Id, now: Timestamp) -> Plan {
    let Some(object) = cache.at(id) else {
        return match id.kind {
            Kind::Service => endpoints::plan_without(cache, id),
            _ => Plan::none(),
        };
    };
    let object = &*object;
    if crate::tree::is_deleting(object) && id.kind != Kind::Service {
        return Plan::none();
    }
    match id.kind {
        Kind::Deployment => deployment::plan(cache, object, now),
        Kind::ReplicaSet => replica_set::plan(cache, object, now),
        Kind::StatefulSet => stateful_set::plan(cache, object, now),
        Kind::DaemonSet => daemon_set::plan(cache, object, now),
        Kind::Job => job::plan(cache, object, now),
        Kind::CronJob => cron_job::plan(cache, object, now),
        Kind::Service => endpoints::plan(cache, object),
        Kind::Autoscaler => autoscaler::plan(cache, object, now),
        Kind::Quota => quota::plan(cache, object),
        _ => Plan::none(),
    }
}

/// What else must be looked at when an object came, changed or went.
pub fn affected(cache: &Cache, id: &Id, object: &Value) -> Vec<Id> {
    let mut all = Vec::new();
    if let Some((kind, name, _)) = crate::tree::controller(object)
        && let Some(kind) = Kind::named(kind)
    {
        let owner = Id {
            kind,
            namespace: id.namespace.clone(),
            name: name.to_owned(),
        };
        // A pod counts for the Deployment above its ReplicaSet, too.
        if id.kind == Kind::Pod
            && let Some(set) = cache.at(&owner)
            && let Some(("Deployment", name, _)) = crate::tree::controller(&set)
        {
            let (namespace, name) = (id.namespace.clone(), name.to_owned());
            all.push(Id {
                kind: Kind::Deployment,
                namespace,
                name,
            });
        }
        all.push(owner);
    }
    match id.kind {
        Kind::Pod => {
            let labels = crate::tree::get(object, "/metadata/labels");
            for service in cache.list(Kind::Service, &id.namespace) {
                let selector = crate::tree::get(&service, "/spec/selector");
                if crate::labels::contained(selector, labels) {
                    all.push(Id::of(Kind::Service, &service));
                }
            }
        }
        Kind::Node => all.extend(cache.ids(Kind::DaemonSet).cloned()),
        Kind::EndpointSlice | Kind::Endpoints => {
            let label = "/metadata/labels/kubernetes.io~1service-name";
            let named = crate::tree::text(object, label);
            let name = if id.kind == Kind::Endpoints {
                id.name.as_str()
            } else {
                named
            };
            let (namespace, name) = (id.namespace.clone(), name.to_owned());
            all.push(Id {
                kind: Kind::Service,
                namespace,
                name,
            });
        }
        Kind::Deployment | Kind::StatefulSet | Kind::ReplicaSet => {
            for scaler in cache.list(Kind::Autoscaler, &id.namespace) {
                if crate::tree::text(&scaler, "/spec/scaleTargetRef/name") == id.name {
                    all.push(Id::of(Kind::Autoscaler, &scaler));
                }
            }
        }
        _ => {}
    }
    if matches!(id.kind, Kind::Pod | Kind::Service | Kind::Claim) {
        let quotas = cache.list(Kind::Quota, &id.namespace);
        all.extend(quotas.map(|quota| Id::of(Kind::Quota, &quota)));
    }
    all
}
