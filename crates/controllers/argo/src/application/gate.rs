//! A bulkhead: a cluster that does not answer holds up a few workers, and not all of them.

use argosy_frame::Queue;
use argosy_object::Key;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;

/// How many Applications of one cluster are reconciled at a time.
const INSIDE_AT_ONCE: usize = 64;
/// How many operations write to one cluster at a time. The others wait, so that those which have
/// begun come to their end: hundreds that share a server's pace all take as long as all of them.
const WRITING_AT_ONCE: usize = 32;

/// Lets so many of each cluster in; the others of that cluster wait without a worker.
pub(crate) struct Gate {
    queue: Arc<Queue>,
    clusters: Mutex<BTreeMap<String, Cluster>>,
    turns: Mutex<BTreeMap<String, Arc<Semaphore>>>,
}

#[derive(Default)]
struct Cluster {
    inside: usize,
    waiting: VecDeque<Key>,
    known: BTreeSet<Key>,
}

/// A place inside, until it is dropped.
pub(crate) struct Inside<'a> {
    gate: &'a Gate,
    server: String,
}

impl Gate {
    /// A gate that gives keys back to `queue`.
    pub(crate) fn new(queue: Arc<Queue>) -> Self {
        Self {
            queue,
            clusters: Mutex::default(),
            turns: Mutex::default(),
        }
    }

    /// The places of the operations that write to a cluster.
    pub(crate) fn turns(&self, server: &str) -> Arc<Semaphore> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = turns.get(server) {
            return found.clone();
        }
        // Those of clusters that went.
        turns.retain(|_, turns| Arc::strong_count(turns) > 1);
        let made = Arc::new(Semaphore::new(WRITING_AT_ONCE));
        turns.insert(server.to_owned(), made.clone());
        made
    }

    /// Lets `key` in; `None` where the cluster has as many as it may: then the key comes back
    /// into the queue when another one leaves.
    pub(crate) fn enter(&self, server: &str, key: &Key) -> Option<Inside<'_>> {
        let mut clusters = self.lock();
        let cluster = clusters.entry(server.to_owned()).or_default();
        if cluster.inside >= INSIDE_AT_ONCE {
            if cluster.known.insert(key.clone()) {
                cluster.waiting.push_back(key.clone());
            }
            return None;
        }
        cluster.inside += 1;
        Some(Inside {
            gate: self,
            server: server.to_owned(),
        })
    }

    fn leave(&self, server: &str) {
        let mut clusters = self.lock();
        let Some(cluster) = clusters.get_mut(server) else {
            return;
        };
        cluster.inside -= 1;
        let next = cluster.waiting.pop_front();
        if let Some(next) = &next {
            cluster.known.remove(next);
        }
        if cluster.inside == 0 && cluster.waiting.is_empty() {
            clusters.remove(server);
        }
        drop(clusters);
        if let Some(next) = next {
            self.queue.add(next);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Cluster>> {
        self.clusters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.gate.leave(&self.server);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(at: usize) -> Key {
        Key::new("argoproj.io", "Application", None, &format!("a{at}"))
    }

    #[tokio::test]
    async fn those_who_find_a_cluster_full_come_back_one_for_each_that_leaves() {
        let queue = Arc::new(Queue::new());
        let gate = Gate::new(queue.clone());
        let mut inside: Vec<_> = (0..INSIDE_AT_ONCE)
            .map(|at| gate.enter("https://dead", &key(at)).unwrap())
            .collect();
        for at in [98, 99, 98] {
            assert!(gate.enter("https://dead", &key(at)).is_none());
        }
        assert!(gate.enter("https://other", &key(1)).is_some());
        assert_eq!(queue.depth(), 0);
        inside.pop();
        assert_eq!(queue.next().await, Some(key(98)));
        assert!(gate.enter("https://dead", &key(98)).is_some());
        assert_eq!(queue.next().await, Some(key(99)));
        drop(inside);
        assert_eq!(queue.depth(), 0, "each comes back once");
        assert!(gate.lock().is_empty(), "what is empty is forgotten");
    }

    #[tokio::test]
    async fn operations_on_one_cluster_share_its_places_and_idle_clusters_are_forgotten() {
        let gate = Gate::new(Arc::new(Queue::new()));
        let turns = gate.turns("https://busy");
        let held: Vec<_> = (0..WRITING_AT_ONCE)
            .map(|_| turns.clone().try_acquire_owned().unwrap())
            .collect();
        assert!(gate.turns("https://busy").try_acquire().is_err());
        assert!(gate.turns("https://other").try_acquire().is_ok());
        drop((held, turns));
        assert!(gate.turns("https://new").try_acquire().is_ok());
        let known: Vec<_> = gate.turns.lock().unwrap().keys().cloned().collect();
        assert_eq!(known, ["https://new"]);
    }
}
