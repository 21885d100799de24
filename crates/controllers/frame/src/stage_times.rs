//! How long the stages take, for metrics.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Upper bounds of the buckets, in seconds; above the last there is one more.
pub const STAGE_BUCKETS: [f64; 10] = [0.000_1, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];

/// Durations of all stages since the start.
#[derive(Debug, Default)]
pub struct StageTimes {
    stages: Mutex<BTreeMap<&'static str, StageTime>>,
}

/// Durations of one stage.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StageTime {
    /// How often it ran.
    pub count: u64,
    /// Seconds in all.
    pub seconds: f64,
    /// Runs in each bucket of [`STAGE_BUCKETS`], and above.
    pub buckets: [u64; STAGE_BUCKETS.len() + 1],
}

impl StageTimes {
    /// Runs a stage and keeps how long it took, waiting included. A stage that is dropped before
    /// its end is not counted.
    pub async fn measure<T>(&self, phase: &'static str, stage: impl Future<Output = T>) -> T {
        let started = Instant::now();
        let outcome = stage.await;
        self.add(phase, started.elapsed());
        outcome
    }

    /// Runs a stage that waits for nothing.
    pub fn measure_now<T>(&self, phase: &'static str, stage: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let outcome = stage();
        self.add(phase, started.elapsed());
        outcome
    }

    /// What was measured so far, by stage.
    pub fn all(&self) -> BTreeMap<&'static str, StageTime> {
        self.stages
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How often a stage ran so far.
    pub fn count(&self, phase: &str) -> u64 {
        let stages = self.stages.lock().unwrap_or_else(PoisonError::into_inner);
        stages.get(phase).map_or(0, |stage| stage.count)
    }

    fn add(&self, phase: &'static str, took: Duration) {
        let seconds = took.as_secs_f64();
        let mut stages = self.stages.lock().unwrap_or_else(PoisonError::into_inner);
        let stage = stages.entry(phase).or_default();
        stage.count += 1;
        stage.seconds += seconds;
        let bucket = STAGE_BUCKETS.iter().position(|bound| seconds <= *bound);
        stage.buckets[bucket.unwrap_or(STAGE_BUCKETS.len())] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn stage_is_counted_in_the_bucket_of_its_duration() {
        let times = StageTimes::default();
        let out = times
            .measure("render", async {
                tokio::time::sleep(Duration::from_millis(20)).await;
                7
            })
            .await;
        times
            .measure("render", tokio::time::sleep(Duration::from_mins(1)))
            .await;
        assert_eq!((out, times.measure_now("plan", || 8)), (7, 8));
        let all = times.all();
        assert_eq!(all.keys().copied().collect::<Vec<_>>(), ["plan", "render"]);
        let render = &all["render"];
        assert_eq!(render.count, 2);
        assert!((render.seconds - 60.02).abs() < 0.01);
        assert_eq!(render.buckets, [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1]);
    }
}
