//! StatefulSets: numbered pods with claims of their own, one after the other.

use crate::cache::Cache;
use crate::controllers::Plan;
use crate::controllers::pods::{self, opt};
use crate::controllers::revision;
use crate::kinds::{Id, Kind};
use crate::tree::{self, int, list, text};
use crate::work::{self, Work};
use argosy_object::{Value, json, meta};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

const REVISION_LABEL: &str = "/metadata/labels/controller-revision-hash";

/// Plans for a StatefulSet.
pub fn plan(cache: &Cache, set: &Value, now: Timestamp) -> Plan {
    let id = Id::of(Kind::StatefulSet, set);
    let update = revision::current(cache, set, "StatefulSet");
    let mut plan = Plan {
        now: update.works,
        soon: Vec::new(),
    };
    let kept = text(set, "/status/currentRevision");
    let current = if kept.is_empty() {
        update.name.clone()
    } else {
        kept.to_owned()
    };
    let pods: BTreeMap<i64, Arc<Value>> = pods::of(cache, set)
        .into_iter()
        .filter_map(|pod| Some((ordinal(meta(&pod, "name"))?, pod)))
        .collect();
    let start = int(set, "/spec/ordinals/start");
    let wanted = int(set, "/spec/replicas").max(0);
    let range = start..start.saturating_add(wanted);
    let view = View {
        cache,
        set,
        update: &update.name,
        current: &current,
    };
    let steady = view.fill(&pods, range.clone(), &mut plan);
    let steady = steady && view.shrink(&pods, &range, &mut plan);
    if steady {
        view.roll(&pods, &range, &mut plan);
    }
    let counts = pods::count(pods.values(), int(set, "/spec/minReadySeconds"), now);
    if let Some(wait) = counts.wait {
        plan.now.push(Work::Wake(id.clone(), wait));
    }
    let at = |name: &str| {
        let pods = pods.values().filter(|pod| pods::is_active(pod));
        pods.filter(|pod| text(pod, REVISION_LABEL) == name).count() as i64
    };
    let updated = at(&update.name);
    let done = updated == wanted && counts.ready == wanted && counts.active == wanted;
    let current = if done { update.name.clone() } else { current };
    let status = json!({
        "observedGeneration": int(set, "/metadata/generation"),
        "replicas": counts.active,
        "readyReplicas": opt(counts.ready),
        "availableReplicas": counts.available,
        "currentReplicas": opt(at(&current)),
        "updatedReplicas": opt(updated),
        "currentRevision": current,
        "updateRevision": update.name,
        "collisionCount": int(set, "/status/collisionCount"),
    });
    let settled = done && counts.available == wanted;
    plan.status(settled, work::status(id, set, status));
    plan
}

fn ordinal(name: &str) -> Option<i64> {
    name.rsplit_once('-')?.1.parse().ok()
}

struct View<'a> {
    cache: &'a Cache,
    set: &'a Value,
    update: &'a str,
    current: &'a str,
}

impl View<'_> {
    fn ordered(&self) -> bool {
        text(self.set, "/spec/podManagementPolicy") != "Parallel"
    }

    fn partition(&self) -> i64 {
        int(self.set, "/spec/updateStrategy/rollingUpdate/partition")
    }

    /// Makes missing pods; `false` while an earlier one is not ready.
    fn fill(
        &self,
        pods: &BTreeMap<i64, Arc<Value>>,
        range: std::ops::Range<i64>,
        plan: &mut Plan,
    ) -> bool {
        let mut steady = true;
        // A hostile number of replicas is worked off in pieces.
        for number in range.take(1000) {
            match pods.get(&number) {
                None => {
                    self.create(number, plan);
                    steady = false;
                }
                Some(pod) if tree::is_deleting(pod) => steady = false,
                Some(pod) if pods::is_done(pod) => {
                    plan.now.push(pods::delete(pod));
                    steady = false;
                }
                Some(pod) if !pods::is_ready(pod) => {
                    // A broken old pod must not keep its replacement from coming.
                    steady &= text(pod, REVISION_LABEL) != self.update;
                    if self.ordered() && !steady {
                        return false;
                    }
                }
                Some(_) => {}
            }
            if !steady && self.ordered() {
                return false;
            }
        }
        steady
    }

    fn shrink(
        &self,
        pods: &BTreeMap<i64, Arc<Value>>,
        range: &std::ops::Range<i64>,
        plan: &mut Plan,
    ) -> bool {
        let mut steady = true;
        for (_, pod) in pods
            .iter()
            .rev()
            .filter(|(number, _)| !range.contains(number))
        {
            steady = false;
            if !tree::is_deleting(pod) {
                plan.now.push(pods::delete(pod));
            }
            if self.ordered() {
                break;
            }
        }
        steady
    }

    /// Replaces the highest pod that is not of the new revision, one at a time.
    fn roll(
        &self,
        pods: &BTreeMap<i64, Arc<Value>>,
        range: &std::ops::Range<i64>,
        plan: &mut Plan,
    ) {
        if text(self.set, "/spec/updateStrategy/type") == "OnDelete" {
            return;
        }
        let first = range.start + self.partition();
        for (number, pod) in pods.iter().rev().filter(|(n, _)| range.contains(n)) {
            if *number < first {
                return;
            }
            if text(pod, REVISION_LABEL) != self.update {
                if !tree::is_deleting(pod) {
                    plan.now.push(pods::delete(pod));
                }
                return;
            }
            if !pods::is_ready(pod) {
                return;
            }
        }
    }

    fn create(&self, number: i64, plan: &mut Plan) {
        let start = int(self.set, "/spec/ordinals/start");
        let old = number < start + self.partition() && self.current != self.update;
        let recorded = old
            .then(|| revision::template(self.cache, self.set, self.current))
            .flatten();
        let revision = if recorded.is_some() {
            self.current
        } else {
            self.update
        };
        let template = recorded.unwrap_or_else(|| tree::at(self.set, "/spec/template"));
        let mut pod = pods::from_template(self.set, ("apps/v1", "StatefulSet"), &template);
        let name = format!("{}-{number}", meta(self.set, "name"));
        pod["metadata"]["name"] = name.clone().into();
        let mut metadata = Value::Object(std::mem::take(tree::map(&mut pod, "metadata")));
        let labels = tree::map(&mut metadata, "labels");
        labels.insert("controller-revision-hash".into(), revision.into());
        labels.insert(
            "statefulset.kubernetes.io/pod-name".into(),
            name.clone().into(),
        );
        labels.insert(
            "apps.kubernetes.io/pod-index".into(),
            number.to_string().into(),
        );
        pod["metadata"] = metadata;
        let spec = tree::map(&mut pod, "spec");
        spec.insert("hostname".into(), name.clone().into());
        let service = text(self.set, "/spec/serviceName");
        if !service.is_empty() {
            spec.insert("subdomain".into(), service.into());
        }
        let claims = list(self.set, "/spec/volumeClaimTemplates");
        if !claims.is_empty() {
            let volumes = spec.entry("volumes").or_insert_with(|| json!([]));
            if let Value::Array(volumes) = volumes {
                for template in claims {
                    let volume = meta(template, "name");
                    let claim = format!("{volume}-{name}");
                    volumes.retain(|v| text(v, "/name") != volume);
                    volumes.push(json!({"name": volume,
                        "persistentVolumeClaim": {"claimName": claim}}));
                    self.claim(template, &claim, plan);
                }
            }
        }
        plan.now.push(Work::Create(Kind::Pod, pod));
    }

    fn claim(&self, template: &Value, name: &str, plan: &mut Plan) {
        let namespace = meta(self.set, "namespace");
        if self.cache.has(Kind::Claim, namespace, name) {
            return;
        }
        let mut labels = tree::at(template, "/metadata/labels");
        if !labels.is_object() {
            labels = json!({});
        }
        let selector = self
            .set
            .pointer("/spec/selector/matchLabels")
            .and_then(Value::as_object);
        for (label, value) in selector.into_iter().flatten() {
            labels[label] = value.clone();
        }
        let mut metadata = json!({"name": name, "namespace": namespace, "labels": labels});
        let annotations = tree::at(template, "/metadata/annotations");
        if !annotations.is_null() {
            metadata["annotations"] = annotations;
        }
        let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": metadata, "spec": tree::at(template, "/spec")});
        plan.now.push(Work::Create(Kind::Claim, claim));
    }
}
