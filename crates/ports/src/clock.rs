//! Time, passed in.

use jiff::Timestamp;

/// Tells the time. Decisions take `now` as an argument; drivers ask a clock for it.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemTime;

impl Clock for SystemTime {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
