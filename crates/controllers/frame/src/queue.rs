//! Keys to be worked on.

use argosy_object::Key;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The first pause after a failure.
const FIRST_BACKOFF: Duration = Duration::from_millis(250);
/// The longest pause after a failure.
const MAX_BACKOFF: Duration = Duration::from_secs(180);
/// How long a key rests after a run before news of the same sort wakes it: what changes on a
/// cluster comes in bursts.
const REST: Duration = Duration::from_millis(50);

/// A queue of keys: each stands in it once, and one worker at a time has it.
///
/// Adding and taking cost O(log n) in the number of delayed keys.
#[derive(Debug, Default)]
pub struct Queue {
    state: Mutex<State>,
    wakes: Notify,
}

#[derive(Debug, Default)]
struct State {
    ready: VecDeque<Key>,
    /// In `ready`, or wished for again while under way.
    wished: HashSet<Key>,
    busy: HashSet<Key>,
    /// Wished for again while under way, after a rest.
    rested: HashSet<Key>,
    /// When the runs of the last [`REST`] ended, in their order.
    ended: VecDeque<(Instant, Key)>,
    ended_at: HashMap<Key, Instant>,
    delayed: BTreeMap<(Instant, u64), Key>,
    delayed_at: HashMap<Key, (Instant, u64)>,
    failures: HashMap<Key, u32>,
    serial: u64,
    is_closed: bool,
}

impl Queue {
    /// An empty queue.
    pub fn new() -> Self {
        Self::default()
    }

    /// Wishes for a run of `key` as soon as a worker is free.
    pub fn add(&self, key: Key) {
        let mut state = self.state();
        state.undelay(&key);
        if state.wished.insert(key.clone()) && !state.busy.contains(&key) {
            state.ready.push_back(key);
        }
        drop(state);
        self.wakes.notify_one();
    }

    /// Wishes for a run after `delay`; an earlier wish stands.
    pub fn add_after(&self, key: Key, delay: Duration) {
        if delay.is_zero() {
            return self.add(key);
        }
        let at = Instant::now() + delay;
        let mut state = self.state();
        let is_later = state
            .delayed_at
            .get(&key)
            .is_some_and(|(earlier, _)| *earlier <= at);
        if state.wished.contains(&key) || is_later {
            return;
        }
        state.undelay(&key);
        state.serial += 1;
        let place = (at, state.serial);
        state.delayed.insert(place, key.clone());
        state.delayed_at.insert(key, place);
        drop(state);
        self.wakes.notify_one();
    }

    /// Wishes for a run now, or a rest after the last one where that has just ended: a burst of
    /// news becomes few runs, and the first of it is not held up.
    pub fn add_rested(&self, key: Key) {
        let mut state = self.state();
        if state.busy.contains(&key) {
            state.rested.insert(key);
            return;
        }
        let rest = state.ended_at.get(&key).map(|ended| {
            let passed = Instant::now().saturating_duration_since(*ended);
            REST.saturating_sub(passed)
        });
        drop(state);
        self.add_after(key, rest.unwrap_or_default());
    }

    /// Wishes for a run after a pause that doubles with each failure in a row.
    pub fn add_failed(&self, key: Key) {
        let failures = {
            let mut state = self.state();
            let failures = state.failures.entry(key.clone()).or_default();
            *failures = failures.saturating_add(1);
            *failures
        };
        let pause = FIRST_BACKOFF
            .saturating_mul(1 << (failures - 1).min(16))
            .min(MAX_BACKOFF);
        self.add_after(key, pause);
    }

    /// Forgets the failures of a key.
    pub fn forget(&self, key: &Key) {
        self.state().failures.remove(key);
    }

    /// The next key; `None` when the queue is closed. [`Queue::done`] must follow.
    pub async fn next(&self) -> Option<Key> {
        loop {
            let wait = {
                let mut state = self.state();
                if state.is_closed {
                    return None;
                }
                let now = Instant::now();
                state.release_due(now);
                if let Some(key) = state.ready.pop_front() {
                    state.wished.remove(&key);
                    state.busy.insert(key.clone());
                    if !state.ready.is_empty() {
                        self.wakes.notify_one();
                    }
                    return Some(key);
                }
                state.delayed.first_key_value().map(|((at, _), _)| *at)
            };
            match wait {
                Some(at) => {
                    tokio::select! {
                        biased;
                        () = self.wakes.notified() => {}
                        () = tokio::time::sleep_until(at) => {}
                    }
                }
                None => self.wakes.notified().await,
            }
        }
    }

    /// Gives a key back; a wish that came meanwhile is served now.
    pub fn done(&self, key: &Key) {
        let mut state = self.state();
        state.busy.remove(key);
        state.note_end(key, Instant::now());
        let is_rested = state.rested.remove(key);
        if state.wished.contains(key) {
            state.ready.push_back(key.clone());
            drop(state);
            self.wakes.notify_one();
        } else if is_rested {
            drop(state);
            self.add_after(key.clone(), REST);
        }
    }

    /// How many keys wait for a worker.
    pub fn depth(&self) -> usize {
        self.state().ready.len()
    }

    /// Whether nothing waits, runs, or is due within `horizon`.
    pub fn is_idle(&self, horizon: Duration) -> bool {
        let state = self.state();
        let due = state.delayed.first_key_value().map(|((at, _), _)| *at);
        state.ready.is_empty()
            && state.busy.is_empty()
            && due.is_none_or(|at| at > Instant::now() + horizon)
    }

    /// Ends all workers.
    pub fn close(&self) {
        self.state().is_closed = true;
        self.wakes.notify_waiters();
        self.wakes.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Keeps when a run ended, and forgets those that ended a rest ago.
    fn note_end(&mut self, key: &Key, now: Instant) {
        while let Some((at, ended)) = self.ended.front() {
            if now.saturating_duration_since(*at) < REST {
                break;
            }
            if self.ended_at.get(ended) == Some(at) {
                self.ended_at.remove(ended);
            }
            self.ended.pop_front();
        }
        self.ended.push_back((now, key.clone()));
        self.ended_at.insert(key.clone(), now);
    }

    fn undelay(&mut self, key: &Key) {
        if let Some(place) = self.delayed_at.remove(key) {
            self.delayed.remove(&place);
        }
    }

    fn release_due(&mut self, now: Instant) {
        while let Some(entry) = self.delayed.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let key = entry.remove();
            self.delayed_at.remove(&key);
            if self.wished.insert(key.clone()) && !self.busy.contains(&key) {
                self.ready.push_back(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key::new("", "A", None, name)
    }

    #[tokio::test]
    async fn many_wishes_become_one_run_and_one_worker_has_a_key() {
        let queue = Queue::new();
        queue.add(key("a"));
        queue.add(key("a"));
        assert_eq!(queue.next().await, Some(key("a")));
        queue.add(key("a"));
        assert_eq!(queue.depth(), 0, "busy keys are not handed out again");
        queue.done(&key("a"));
        assert_eq!(queue.next().await, Some(key("a")));
        queue.done(&key("a"));
        assert!(queue.is_idle(Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn delayed_key_comes_in_time_and_an_earlier_wish_stands() {
        let queue = Queue::new();
        queue.add_after(key("a"), Duration::from_secs(5));
        queue.add_after(key("a"), Duration::from_secs(60));
        let start = Instant::now();
        assert_eq!(queue.next().await, Some(key("a")));
        assert_eq!(start.elapsed().as_secs(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn burst_of_news_becomes_a_run_at_once_and_one_after_a_rest() {
        let queue = Queue::new();
        let start = Instant::now();
        queue.add_rested(key("a"));
        assert_eq!(queue.next().await, Some(key("a")));
        assert!(start.elapsed().is_zero(), "the first is not held up");
        queue.add_rested(key("a"));
        queue.done(&key("a"));
        queue.add_rested(key("a"));
        assert_eq!(queue.next().await, Some(key("a")));
        assert_eq!(start.elapsed(), REST);
        queue.add_rested(key("a"));
        queue.add(key("a"));
        queue.done(&key("a"));
        assert_eq!(queue.next().await, Some(key("a")));
        assert_eq!(
            start.elapsed(),
            REST,
            "what is wished for at once does not rest"
        );
        queue.done(&key("a"));
        tokio::time::advance(REST).await;
        queue.add_rested(key("b"));
        assert_eq!(queue.next().await, Some(key("b")));
        queue.done(&key("b"));
        assert!(queue.is_idle(Duration::ZERO));
        assert_eq!(queue.state().ended_at.len(), 1, "old ends are forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn failures_grow_and_success_resets() {
        let queue = Queue::new();
        let mut pauses = vec![];
        for _ in 0..3 {
            queue.add_failed(key("a"));
            let start = Instant::now();
            queue.next().await;
            pauses.push(start.elapsed().as_millis());
            queue.done(&key("a"));
        }
        assert_eq!(pauses, [250, 500, 1000]);
        queue.forget(&key("a"));
        queue.add_failed(key("a"));
        let start = Instant::now();
        queue.next().await;
        assert_eq!(start.elapsed().as_millis(), 250);
    }

    #[tokio::test]
    async fn closed_queue_ends_its_workers() {
        let queue = std::sync::Arc::new(Queue::new());
        let worker = tokio::spawn({
            let queue = queue.clone();
            async move { queue.next().await }
        });
        tokio::task::yield_now().await;
        queue.close();
        assert_eq!(worker.await.unwrap(), None);
    }
}
