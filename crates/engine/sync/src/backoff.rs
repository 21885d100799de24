//! Durations in Go's form, and how long to wait before the next attempt.

use argosy_crds::Retry;
use std::time::Duration;

/// Reads a duration in Go's form (`1h30m`, `500ms`, `1.5s`); a bare number is seconds, as Argo
/// CD reads it. `None` where it has another form or is negative.
pub fn go_duration(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.is_empty() {
        return None;
    }
    let mut total = 0.0_f64;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit_len = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        let seconds = match &rest[..unit_len] {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        total += number * seconds;
        rest = &rest[unit_len..];
    }
    Duration::try_from_secs_f64(total).ok()
}

/// How long a failed operation waits before it is tried again, or `None` where it is not.
/// `attempts` counts the retries so far. A `limit` below 0 has no end; without a backoff it is
/// 5 s, doubled each time, at most 3 min.
pub fn retry_delay(retry: &Retry, attempts: i64) -> Option<Duration> {
    if retry.limit >= 0 && attempts >= retry.limit {
        return None;
    }
    let backoff = retry.backoff.clone().unwrap_or_default();
    let base = go_duration(&backoff.duration).unwrap_or(Duration::from_secs(5));
    let cap = go_duration(&backoff.max_duration).unwrap_or(Duration::from_secs(180));
    let factor = backoff.factor.unwrap_or(2).max(1) as f64;
    Some(scaled(base, factor, attempts, cap))
}

/// How long self-heal waits since the last operation ended: at once the first time, then 2 s,
/// 6 s, 18 s, at most 300 s.
pub fn self_heal_delay(attempts: i64) -> Duration {
    if attempts <= 0 {
        return Duration::ZERO;
    }
    scaled(
        Duration::from_secs(2),
        3.0,
        attempts - 1,
        Duration::from_secs(300),
    )
}

fn scaled(base: Duration, factor: f64, times: i64, cap: Duration) -> Duration {
    let scale = factor.powi(times.clamp(0, 1000) as i32);
    Duration::try_from_secs_f64(base.as_secs_f64() * scale)
        .unwrap_or(cap)
        .min(cap)
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_crds::Backoff;

    #[test]
    fn durations_are_read_as_go_does() {
        assert_eq!(go_duration("1h30m"), Some(Duration::from_secs(5400)));
        assert_eq!(go_duration("1.5s"), Some(Duration::from_millis(1500)));
        assert_eq!(go_duration("10"), Some(Duration::from_secs(10)));
        for broken in ["", "h", "5x", "-5s", "1h-"] {
            assert_eq!(go_duration(broken), None, "{broken}");
        }
    }

    #[test]
    fn retries_grow_to_the_cap_and_end_at_the_limit() {
        let retry = Retry {
            limit: 3,
            refresh: false,
            backoff: None,
        };
        let delays: Vec<_> = (0..4)
            .map(|n| retry_delay(&retry, n).map(|d| d.as_secs()))
            .collect();
        assert_eq!(delays, [Some(5), Some(10), Some(20), None]);
        let endless = Retry {
            limit: -1,
            refresh: false,
            backoff: Some(Backoff {
                max_duration: "1m".into(),
                ..Backoff::default()
            }),
        };
        assert_eq!(retry_delay(&endless, 5000), Some(Duration::from_secs(60)));
    }

    #[test]
    fn first_self_heal_is_at_once() {
        let delays: Vec<_> = (0..7).map(|n| self_heal_delay(n).as_secs()).collect();
        assert_eq!(delays, [0, 2, 6, 18, 54, 162, 300]);
    }
}
