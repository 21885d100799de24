//! Times of what runs again and again in one process.

use std::time::{Duration, Instant};

/// Runs behind the first one, whose mean counts.
pub const ROUNDS: usize = 5;

/// After so long no further run begins: a chart that makes keys takes seconds for each.
const LONG: Duration = Duration::from_millis(250);

/// The mean time of a run, or `None` where the first one fails.
pub fn mean<T>(run: impl Fn() -> Option<T>) -> Option<Duration> {
    std::hint::black_box(run()?);
    let start = Instant::now();
    let mut runs = 0;
    while runs == 0 || runs < ROUNDS as u32 && start.elapsed() < LONG {
        std::hint::black_box(run());
        runs += 1;
    }
    Some(start.elapsed() / runs)
}
