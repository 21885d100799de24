//! How long a poll of a remote rests between two looks.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// After the first failure in a row, or the interval where that is shorter.
const FIRST_BACKOFF: Duration = Duration::from_secs(5);

/// The rest of a poll.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Between two looks that went well.
    pub interval: Duration,
    /// The longest rest after failures.
    pub max_backoff: Duration,
}

impl Pace {
    /// The rest after so many failures in a row, doubled with each.
    pub fn after(&self, failures: u32) -> Duration {
        if failures == 0 {
            return self.interval;
        }
        let factor = 2_u32.saturating_pow((failures - 1).min(16));
        let first = self.interval.min(FIRST_BACKOFF);
        first.saturating_mul(factor).min(self.max_backoff)
    }
}

/// Spreads a rest by a tenth either way, so that many repositories are not asked at once.
pub fn jittered(rest: Duration, url: &str, round: u64) -> Duration {
    let hash = RandomState::new().hash_one((url, round));
    rest.mul_f64(0.9 + 0.2 * (hash % 1000) as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_double_the_rest_up_to_the_longest() {
        let pace = Pace {
            interval: Duration::from_mins(2),
            max_backoff: Duration::from_mins(5),
        };
        let seconds = |failures| pace.after(failures).as_secs();
        assert_eq!([seconds(0), seconds(1), seconds(3)], [120, 5, 20]);
        assert_eq!(seconds(u32::MAX), 300);
        let brisk = Pace {
            interval: Duration::from_secs(1),
            ..pace
        };
        assert_eq!(brisk.after(1).as_secs(), 1);
    }
}
