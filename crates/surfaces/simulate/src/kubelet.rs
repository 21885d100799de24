//! The kubelet's half: nodes, and what happens to pods, claims, balancers and budgets on them.

mod budget;
mod node;
mod pod;
mod status;
mod storage;

pub use node::{objects as node_objects, status as node_status};
pub use storage::class as storage_class;

use crate::cache::Cache;
use crate::kinds::{Id, Kind};
use crate::labels;
use crate::options::Options;
use crate::tree::{self, is_true, list, text};
use crate::work::{self, Work};
use argosy_object::{Value, json, meta};
use jiff::Timestamp;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// What the kubelet's half remembers beside the cache.
#[derive(Debug, Default)]
pub struct Kubelet {
    /// When a pod takes its next step; by UID.
    due: HashMap<String, (Stage, Instant)>,
    /// Addresses in use, by pod UID.
    addresses: HashMap<String, u32>,
    next_address: u32,
    next_node: usize,
}

/// The step that a pod waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Start,
    End,
    Go,
}

/// The present, as a clock and as a stopwatch have it.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Time of day.
    pub time: Timestamp,
    /// For measuring.
    pub instant: Instant,
}

impl Kubelet {
    /// Plans for one object.
    pub fn plan(&mut self, cache: &Cache, id: &Id, options: &Options, now: Now) -> Vec<Work> {
        let Some(object) = cache.at(id) else {
            return Vec::new();
        };
        let object = &*object;
        match id.kind {
            Kind::Pod => pod::plan(self, cache, object, options, now),
            Kind::Claim => storage::claim(cache, object),
            Kind::Volume => storage::volume(cache, object),
            Kind::Service => balancer(object, id).into_iter().collect(),
            Kind::Ingress => ingress(object, id).into_iter().collect(),
            Kind::Budget => budget::plan(cache, object, now.time).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// Forgets a pod that is gone.
    pub fn forget(&mut self, uid: &str) {
        self.due.remove(uid);
        self.addresses.remove(uid);
    }

    /// How long until a stage is due; `None` where it is.
    fn wait(&mut self, uid: &str, stage: Stage, delay: Duration, now: Instant) -> Option<Duration> {
        let entry = self
            .due
            .entry(uid.to_owned())
            .or_insert((stage, now + delay));
        if entry.0 != stage {
            *entry = (stage, now + delay);
        }
        let left = entry.1.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// The address of a pod, given out at its first start.
    fn address(&mut self, cache: &Cache, uid: &str) -> String {
        if self.next_address == 0 {
            // After a restart, go on behind the addresses that are in use.
            let used = cache.all(Kind::Pod).filter_map(|pod| {
                let ip: std::net::Ipv4Addr = text(&pod, "/status/podIP").parse().ok()?;
                u32::from(ip).checked_sub(BASE)
            });
            self.next_address = used.max().unwrap_or(0).min(SPAN - 2) + 1;
        }
        let offset = *self.addresses.entry(uid.to_owned()).or_insert_with(|| {
            let offset = self.next_address;
            self.next_address = self.next_address % (SPAN - 2) + 1;
            offset
        });
        std::net::Ipv4Addr::from(BASE + offset).to_string()
    }

    /// A node for a pod, in turn among those that fit.
    pub fn place(&mut self, cache: &Cache, pod: &Value) -> Option<String> {
        let selector = tree::at(pod, "/spec/nodeSelector");
        let fits = |node: &Value| {
            !tree::is_deleting(node)
                && !is_true(node, "/spec/unschedulable")
                && tree::condition(node, "Ready") != "False"
                && (selector
                    .as_object()
                    .is_none_or(argosy_object::Map::is_empty)
                    || labels::contained(&selector, tree::get(node, "/metadata/labels")))
        };
        let mut nodes: Vec<String> = cache
            .all(Kind::Node)
            .filter(|node| fits(node))
            .map(|node| meta(&node, "name").to_owned())
            .collect();
        if nodes.is_empty() {
            return None;
        }
        self.next_node = self.next_node.wrapping_add(1);
        let chosen = self.next_node % nodes.len();
        Some(nodes.swap_remove(chosen))
    }
}

/// `10.244.0.0/16`, the pods' network.
const BASE: u32 = 0x0af4_0000;
const SPAN: u32 = 1 << 16;

/// What else must be looked at when an object came, changed or went.
pub fn affected(cache: &Cache, id: &Id, object: &Value) -> Vec<Id> {
    match id.kind {
        Kind::Pod => {
            let labels = tree::at(object, "/metadata/labels");
            let mut all: Vec<Id> = cache
                .list(Kind::Budget, &id.namespace)
                .filter(|b| labels::matches(tree::get(b, "/spec/selector"), &labels))
                .map(|budget| Id::of(Kind::Budget, &budget))
                .collect();
            let claims = list(object, "/spec/volumes")
                .iter()
                .map(|v| text(v, "/persistentVolumeClaim/claimName"))
                .filter(|name| !name.is_empty());
            all.extend(claims.map(|name| Id {
                kind: Kind::Claim,
                namespace: id.namespace.clone(),
                name: name.to_owned(),
            }));
            all
        }
        Kind::Node => cache
            .all(Kind::Pod)
            .filter(|pod| text(pod, "/spec/nodeName").is_empty())
            .map(|pod| Id::of(Kind::Pod, &pod))
            .collect(),
        Kind::StorageClass => cache.ids(Kind::Claim).cloned().collect(),
        Kind::Volume => {
            let claim = |field: &str| text(object, &format!("/spec/claimRef/{field}")).to_owned();
            let (namespace, name) = (claim("namespace"), claim("name"));
            vec![Id {
                kind: Kind::Claim,
                namespace,
                name,
            }]
        }
        Kind::Claim => {
            let name = text(object, "/spec/volumeName").to_owned();
            vec![Id {
                kind: Kind::Volume,
                namespace: String::new(),
                name,
            }]
        }
        _ => Vec::new(),
    }
}

/// An address from the range for documentation, the same for the same object.
fn public_address(object: &Value) -> String {
    let hash = crate::hash::fnv(meta(object, "uid").as_bytes());
    let nets = [[192, 0, 2], [198, 51, 100], [203, 0, 113]];
    let [a, b, c] = nets[(hash % 3) as usize];
    format!("{a}.{b}.{c}.{}", hash / 3 % 254 + 1)
}

fn balancer(service: &Value, id: &Id) -> Option<Work> {
    let wanted = text(service, "/spec/type") == "LoadBalancer" && !tree::is_deleting(service);
    let has = !list(service, "/status/loadBalancer/ingress").is_empty();
    match (wanted, has) {
        (true, false) => {
            let asked = text(service, "/spec/loadBalancerIP");
            let ip = if asked.is_empty() {
                public_address(service)
            } else {
                asked.to_owned()
            };
            let status = json!({"loadBalancer": {"ingress": [{"ip": ip, "ipMode": "VIP"}]}});
            work::status(id.clone(), service, status)
        }
        (false, true) => {
            let status = json!({"loadBalancer": {"ingress": null}});
            work::status(id.clone(), service, status)
        }
        _ => None,
    }
}

fn ingress(ingress: &Value, id: &Id) -> Option<Work> {
    if !list(ingress, "/status/loadBalancer/ingress").is_empty() || tree::is_deleting(ingress) {
        return None;
    }
    let ip = public_address(ingress);
    work::status(
        id.clone(),
        ingress,
        json!({"loadBalancer": {"ingress": [{"ip": ip}]}}),
    )
}
