//! The state of one cluster's play, without IO: what came goes in, what is to be done comes out.

use crate::cache::Cache;
use crate::controllers;
use crate::kinds::{Id, Kind};
use crate::kubelet::{self, Kubelet, Now};
use crate::lean::Told;
use crate::options::Options;
use crate::work::Work;
use argosy_object::{Value, meta};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::time::Duration;
use tokio::time::Instant;

/// How long a change waits that will likely be moot.
const PATIENCE: Duration = Duration::from_millis(500);
/// How many objects are planned for before their works are done, side by side.
const BATCH: usize = 32;
/// An object that is planned for more often than this in a second has to wait a second.
const HOT: u32 = 60;

/// What one kind's watch tells.
#[derive(Clone, Debug)]
pub enum News {
    /// All objects of a kind.
    All(Kind, Vec<Value>),
    /// An object is new or changed, or a write of ours comes back.
    Told(Kind, Told),
    /// An object is gone.
    Deleted(Kind, Value),
}

/// Everything known and pending.
#[derive(Debug)]
pub struct Planner {
    options: Options,
    cache: Cache,
    kubelet: Kubelet,
    /// Kinds whose first list is still to come: nothing is done before all are known.
    unseen: BTreeSet<Kind>,
    dirty: BTreeSet<Id>,
    timers: BinaryHeap<Reverse<(Instant, Id)>>,
    /// The earliest timer of each object.
    waking: HashMap<Id, Instant>,
    /// Until when an object's unsettled changes wait.
    patience: HashMap<Id, Instant>,
    heat: HashMap<Id, (Instant, u32)>,
}

impl Planner {
    /// Starts with nothing known of `kinds`.
    pub fn new(options: Options, kinds: impl IntoIterator<Item = Kind>) -> Self {
        Self {
            options,
            cache: Cache::default(),
            kubelet: Kubelet::default(),
            unseen: kinds.into_iter().collect(),
            dirty: BTreeSet::new(),
            timers: BinaryHeap::new(),
            waking: HashMap::new(),
            patience: HashMap::new(),
            heat: HashMap::new(),
        }
    }

    /// When the next timer is due.
    pub fn next_timer(&self) -> Option<Instant> {
        self.timers.peek().map(|timer| timer.0.0)
    }

    /// Whether there is something to plan for.
    pub fn has_work(&self) -> bool {
        self.unseen.is_empty() && !self.dirty.is_empty()
    }

    /// Takes in what a watch told.
    pub fn take(&mut self, news: News) {
        match news {
            News::All(kind, objects) => {
                self.unseen.remove(&kind);
                for (id, gone) in self.cache.replace(kind, objects) {
                    match gone {
                        Some(last) => self.touch(&id, &last, true),
                        None => self.applied(&id),
                    }
                }
            }
            News::Told(kind, told) => {
                if !self.cache.knows(kind, &told.head)
                    && let Some(object) = told.object()
                {
                    self.learn(kind, object);
                }
            }
            News::Deleted(kind, object) => {
                self.lose(&Id::of(kind, &object), meta(&object, "uid"));
            }
        }
    }

    /// Takes in an object that a write gave back.
    pub fn learn(&mut self, kind: Kind, object: Value) {
        if let Some(id) = self.cache.apply(kind, object) {
            self.applied(&id);
        }
    }

    fn applied(&mut self, id: &Id) {
        if let Some(object) = self.cache.at(id) {
            self.touch(id, &object, false);
        }
    }

    fn lose(&mut self, id: &Id, uid: &str) {
        if let Some(last) = self.cache.delete(id, uid) {
            self.touch(id, &last, true);
        }
    }

    fn touch(&mut self, id: &Id, object: &Value, gone: bool) {
        if gone {
            self.kubelet.forget(meta(object, "uid"));
            self.patience.remove(id);
            self.heat.remove(id);
        }
        // Endpoints have no owner: whoever made them for a Service takes them away after it.
        if !gone || id.kind == Kind::Service {
            self.dirty.insert(id.clone());
        }
        if self.options.controllers || self.options.autoscalers {
            let affected = controllers::affected(&self.cache, id, object);
            let affected = affected
                .into_iter()
                .filter(|id| self.options.plays(id.kind));
            self.dirty.extend(affected);
        }
        if self.options.kubelet {
            self.dirty
                .extend(kubelet::affected(&self.cache, id, object));
        }
    }

    /// Marks what timers wake.
    pub fn wake(&mut self, now: Instant) {
        while let Some(Reverse((at, _))) = self.timers.peek() {
            if *at > now {
                return;
            }
            if let Some(Reverse((at, id))) = self.timers.pop()
                && self.waking.get(&id) == Some(&at)
            {
                self.waking.remove(&id);
                self.dirty.insert(id);
            }
        }
    }

    /// Looks at an object again, after a while.
    pub fn sleep(&mut self, id: Id, wait: Duration, now: Instant) {
        let at = now + wait.min(Duration::from_hours(24));
        let sooner = self.waking.get(&id).is_some_and(|known| *known <= at);
        if !sooner {
            self.waking.insert(id.clone(), at);
            self.timers.push(Reverse((at, id)));
        }
    }

    /// Plans for some of the objects that changed; each work comes with the object that it is for.
    pub fn works(&mut self, now: Now) -> Vec<(Id, Work)> {
        let mut works: Vec<(Id, Work)> = Vec::new();
        for _ in 0..BATCH {
            let Some(id) = self.dirty.pop_first() else {
                break;
            };
            if self.is_hot(&id, now.instant) {
                self.sleep(id, Duration::from_secs(1), now.instant);
                continue;
            }
            for work in self.plan(&id, now) {
                match work {
                    Work::Wake(id, wait) => self.sleep(id, wait, now.instant),
                    work => works.push((id.clone(), self.prepare(work))),
                }
            }
        }
        works
    }

    fn plan(&mut self, id: &Id, now: Now) -> Vec<Work> {
        let mut works = Vec::new();
        if self.options.plays(id.kind) {
            let plan = controllers::plan(&self.cache, id, now.time);
            works.extend(plan.now);
            if plan.soon.is_empty() {
                self.patience.remove(id);
            } else {
                match self.patience.get(id) {
                    Some(until) if *until <= now.instant => {
                        self.patience.insert(id.clone(), now.instant + PATIENCE);
                        works.extend(plan.soon);
                    }
                    Some(until) => {
                        let left = until.saturating_duration_since(now.instant);
                        works.push(Work::Wake(id.clone(), left));
                    }
                    None => {
                        self.patience.insert(id.clone(), now.instant + PATIENCE);
                        works.push(Work::Wake(id.clone(), PATIENCE));
                    }
                }
            }
        }
        if self.options.kubelet {
            works.extend(self.kubelet.plan(&self.cache, id, &self.options, now));
        }
        works
    }

    /// Where both halves play, a new pod is made on its node: that saves the binding.
    fn prepare(&mut self, work: Work) -> Work {
        let Work::Create(Kind::Pod, mut pod) = work else {
            return work;
        };
        let open = crate::tree::text(&pod, "/spec/nodeName").is_empty()
            && crate::tree::list(&pod, "/spec/schedulingGates").is_empty()
            && matches!(
                crate::tree::text(&pod, "/spec/schedulerName"),
                "" | "default-scheduler"
            )
            && self.options.failure_of(&pod) != Some(crate::Failure::Unschedulable);
        if open
            && self.options.kubelet
            && let Some(node) = self.kubelet.place(&self.cache, &pod)
        {
            crate::tree::map(&mut pod, "spec").insert("nodeName".into(), node.into());
        }
        Work::Create(Kind::Pod, pod)
    }

    fn is_hot(&mut self, id: &Id, now: Instant) -> bool {
        let entry = self.heat.entry(id.clone()).or_insert((now, 0));
        if now.duration_since(entry.0) > Duration::from_secs(1) {
            *entry = (now, 0);
        }
        entry.1 += 1;
        entry.1 > HOT
    }

    /// Forgets an object that turned out to be gone; its watch tells the rest.
    pub fn forget(&mut self, id: &Id) {
        self.cache.delete(id, "");
    }
}
