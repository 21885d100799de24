//! The time of day where the program runs, as templates see it.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use std::path::Path;

/// Where systems keep their time zone.
const LOCAL_TIME: &str = "/etc/localtime";

/// Far more than any time zone takes.
const MAX_ZONE: u64 = 1 << 20;

/// The time now, in the zone of `TZ` or else of the system.
///
/// Compat: Go reads the system's zone from its file, and takes UTC where there is none; and so
/// the whole database of zones, of which a render hardly ever needs one, stays unread.
pub(super) fn now(tz: Option<&str>) -> Zoned {
    let zone = match tz {
        Some("") => TimeZone::UTC,
        Some(_) => TimeZone::system(),
        None if cfg!(unix) => zone_of(Path::new(LOCAL_TIME)),
        None => TimeZone::system(),
    };
    Timestamp::now().to_zoned(zone)
}

/// A zone's file, UTC where it is none.
fn zone_of(file: &Path) -> TimeZone {
    super::flags::read_file(file, MAX_ZONE)
        .ok()
        .and_then(|data| TimeZone::tzif("Local", &data).ok())
        .unwrap_or(TimeZone::UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_read_and_a_missing_or_broken_one_is_utc() {
        let dir = tempfile::tempdir().unwrap();
        let at: Timestamp = "2026-07-01T00:00:00Z".parse().unwrap();
        let shown = |file: &Path| at.to_zoned(zone_of(file)).strftime("%H:%M %Z").to_string();
        let broken = dir.path().join("broken");
        std::fs::write(&broken, "TZif").unwrap();
        assert_eq!(shown(&broken), "00:00 UTC");
        assert_eq!(shown(&dir.path().join("none")), "00:00 UTC");
        // A zone of the first version: one offset, of two hours, and no transitions.
        let mut data = b"TZif".to_vec();
        data.extend([0; 16]);
        for count in [0_u32, 0, 0, 0, 1, 5] {
            data.extend(count.to_be_bytes());
        }
        data.extend(7200_i32.to_be_bytes());
        data.extend([0, 0]);
        data.extend(b"TEST\0");
        let two = dir.path().join("two");
        std::fs::write(&two, data).unwrap();
        assert_eq!(shown(&two), "02:00 TEST");
    }
}
