//! Durations as tables show them.

use argosy_object::Value;
use jiff::Timestamp;

/// A duration in seconds, with at most two units, as `k8s.io/apimachinery/pkg/util/duration`
/// shows it: `5s`, `3m20s`, `2d4h`, `400d`.
pub fn human_duration(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    const YEAR: i64 = 365 * DAY;
    let pair = |big: i64, big_unit: &str, small: i64, small_unit: &str| {
        if small == 0 {
            format!("{big}{big_unit}")
        } else {
            format!("{big}{big_unit}{small}{small_unit}")
        }
    };
    match seconds {
        ..-1 => "<invalid>".into(),
        -1..0 => "0s".into(),
        0..120 => format!("{seconds}s"),
        120..600 => pair(seconds / MINUTE, "m", seconds % MINUTE, "s"),
        600..10_800 => format!("{}m", seconds / MINUTE),
        10_800..28_800 => pair(seconds / HOUR, "h", seconds % HOUR / MINUTE, "m"),
        28_800..172_800 => format!("{}h", seconds / HOUR),
        172_800..691_200 => pair(seconds / DAY, "d", seconds % DAY / HOUR, "h"),
        691_200..63_072_000 => format!("{}d", seconds / DAY),
        63_072_000..252_288_000 => pair(seconds / YEAR, "y", seconds % YEAR / DAY, "d"),
        _ => format!("{}y", seconds / YEAR),
    }
}

/// The age of a time in RFC 3339, `<unknown>` where it is missing.
pub fn age(time: Option<&Value>, now: Timestamp) -> String {
    let time = time
        .and_then(Value::as_str)
        .and_then(|text| text.parse::<Timestamp>().ok());
    match time {
        None => "<unknown>".into(),
        Some(time) => human_duration(now.as_second() - time.as_second()),
    }
}

#[cfg(test)]
mod tests {
    use super::human_duration;

    #[test]
    fn two_units_at_most() {
        for (seconds, text) in [
            (0, "0s"),
            (119, "119s"),
            (125, "2m5s"),
            (600, "10m"),
            (3 * 3600 + 60, "3h1m"),
            (26 * 3600, "26h"),
            (2 * 86400, "2d"),
            (3 * 86400 + 7200, "3d2h"),
            (400 * 86400, "400d"),
            (3 * 365 * 86400, "3y"),
            (-5, "<invalid>"),
        ] {
            assert_eq!(human_duration(seconds), text);
        }
    }
}
