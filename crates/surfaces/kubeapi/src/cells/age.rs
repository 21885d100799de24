//! Ages as `kubectl get` prints them.

use crate::hooks::fields::text;
use argosy_object::Value;
use jiff::Timestamp;

/// A number of seconds in at most two units.
///
/// Compat: `k8s.io/apimachinery/pkg/util/duration.HumanDuration`.
pub fn human_duration(seconds: i64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let two = |a: i64, unit: &str, b: i64, small: &str| {
        if b == 0 {
            format!("{a}{unit}")
        } else {
            format!("{a}{unit}{b}{small}")
        }
    };
    match () {
        () if seconds < -1 => "<invalid>".into(),
        () if seconds < 0 => "0s".into(),
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => two(minutes, "m", seconds % 60, "s"),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 => two(hours, "h", minutes % 60, "m"),
        () if hours < 48 => format!("{hours}h"),
        () if hours < 192 => two(hours / 24, "d", hours % 24, "h"),
        () if hours < 24 * 365 * 2 => format!("{}d", hours / 24),
        () if hours < 24 * 365 * 8 => two(hours / 24 / 365, "y", hours / 24 % 365, "d"),
        () => format!("{}y", hours / 24 / 365),
    }
}

/// The time since a timestamp field, or `<unknown>`.
pub fn since(now: Timestamp, object: &Value, pointer: &str) -> String {
    match text(object, pointer).parse::<Timestamp>() {
        Ok(at) => human_duration(now.duration_since(at).as_secs()),
        Err(_) => "<unknown>".into(),
    }
}

/// The age of an object.
pub fn of(now: Timestamp, object: &Value) -> Value {
    since(now, object, "/metadata/creationTimestamp").into()
}

/// The seconds between two timestamp fields.
pub fn between(object: &Value, from: &str, to: &str) -> Option<i64> {
    let at = |pointer| text(object, pointer).parse::<Timestamp>().ok();
    Some(at(to)?.duration_since(at(from)?).as_secs())
}
