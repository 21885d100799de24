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
/// How long a key rests after a run before more news wakes it: what changes on a cluster comes
/// in bursts. Each run of a burst doubles the rest, as often as [`DOUBLINGS`].
const REST: Duration = Duration::from_millis(50);
const DOUBLINGS: u8 = 3;
/// A key that had no run for so long has left its burst behind.
const BURST: Duration = Duration::from_millis(800);

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
    /// When the runs of the last [`BURST`] ended, in their order.
    ended: VecDeque<(Instant, Key)>,
    bursts: HashMap<Key, Burst>,
    delayed: BTreeMap<(Instant, u64), Key>,
    delayed_at: HashMap<Key, (Instant, u64)>,
    failures: HashMap<Key, u32>,
    serial: u64,
    is_closed: bool,
}

/// Runs of one key that follow each other closely.
#[derive(Clone, Copy, Debug)]
struct Burst {
    ended_at: Instant,
    doublings: u8,
}

impl Burst {
    /// How long the key has yet to rest.
    fn rest(&self, now: Instant) -> Duration {
        let passed = now.saturating_duration_since(self.ended_at);
        (REST * (1 << self.doublings)).saturating_sub(passed)
    }
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
        let rest = state.rest(&key);
        drop(state);
        self.add_after(key, rest);
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
            let rest = state.rest(key);
            drop(state);
            self.add_after(key.clone(), rest);
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
    fn rest(&self, key: &Key) -> Duration {
        let burst = self.bursts.get(key);
        burst.map_or(Duration::ZERO, |burst| burst.rest(Instant::now()))
    }

    /// Keeps when a run ended, and forgets bursts that are over.
    fn note_end(&mut self, key: &Key, now: Instant) {
        while let Some((at, ended)) = self.ended.front() {
            if now.saturating_duration_since(*at) < BURST {
                break;
            }
            if self
                .bursts
                .get(ended)
                .is_some_and(|burst| burst.ended_at == *at)
            {
                self.bursts.remove(ended);
            }
            self.ended.pop_front();
        }
        let last = self.bursts.get(key);
        let burst = Burst {
            ended_at: now,
            doublings: last.map_or(0, |last| (last.doublings + 1).min(DOUBLINGS)),
        };
        self.bursts.insert(key.clone(), burst);
        self.ended.push_back((now, key.clone()));
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
    async fn burst_of_news_becomes_a_run_at_once_and_few_after_growing_rests() {
        let queue = Queue::new();
        let mut rests = vec![];
        for _ in 0..6 {
            let start = Instant::now();
            queue.add_rested(key("a"));
            assert_eq!(queue.next().await, Some(key("a")));
            rests.push(start.elapsed().as_millis());
            queue.add_rested(key("a"));
            queue.done(&key("a"));
            queue.add_rested(key("a"));
        }
        assert_eq!(rests, [0, 50, 100, 200, 400, 400]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_wished_for_at_once_does_not_rest_and_bursts_end() {
        let queue = Queue::new();
        let start = Instant::now();
        for name in ["a", "b"] {
            queue.add_rested(key(name));
            assert_eq!(queue.next().await, Some(key(name)));
            queue.add_rested(key(name));
            queue.add(key(name));
            queue.done(&key(name));
            assert_eq!(queue.next().await, Some(key(name)));
            queue.done(&key(name));
            assert!(start.elapsed() <= BURST);
            tokio::time::advance(BURST).await;
        }
        queue.add_rested(key("a"));
        assert_eq!(queue.next().await, Some(key("a")));
        assert_eq!(
            start.elapsed(),
            BURST * 2,
            "a burst that is over rests no more"
        );
        queue.done(&key("a"));
        assert!(queue.is_idle(Duration::ZERO));
        assert_eq!(queue.state().bursts.len(), 1, "what is over is forgotten");
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
