//! The wall clock of the controllers' host, which can be set, over tokio's paused clock.

use argosy_ports::Clock;
use jiff::{SignedDuration, Timestamp};
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::time::Instant;

const BEGIN: &str = "2026-03-01T08:00:00Z";

pub struct HostClock {
    start: Instant,
    ahead_ms: AtomicI64,
}

impl HostClock {
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
            ahead_ms: AtomicI64::new(0),
        }
    }

    /// Sets the clock forward, or back.
    pub fn jump(&self, seconds: i64) {
        self.ahead_ms.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    /// Milliseconds since the start, which no jump changes.
    pub fn passed_ms(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }
}

impl Clock for HostClock {
    fn now(&self) -> Timestamp {
        let begin: Timestamp = BEGIN.parse().unwrap();
        let passed = self.passed_ms() as i64 + self.ahead_ms.load(Ordering::SeqCst);
        begin + SignedDuration::from_millis(passed)
    }
}
