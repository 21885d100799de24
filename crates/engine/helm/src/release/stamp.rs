//! Moments as Go's `time.Time` writes them: with their offset, to the nanosecond.

use jiff::tz::Offset;
use jiff::{Timestamp, Zoned};
use std::fmt;

/// A moment with the offset it was written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    at: Timestamp,
    offset: Offset,
}

impl Stamp {
    /// The moment of a clock that stands in its time zone.
    pub fn new(now: &Zoned) -> Self {
        Self {
            at: now.timestamp(),
            offset: now.offset(),
        }
    }

    /// A moment in UTC.
    pub fn utc(at: Timestamp) -> Self {
        Self {
            at,
            offset: Offset::UTC,
        }
    }

    /// Reads RFC 3339; empty text and Go's zero time are none.
    pub fn parse(text: &str) -> Option<Self> {
        let at: Timestamp = text.parse().ok()?;
        if at.as_second() == ZERO_SECOND {
            return None;
        }
        let is_utc = text.ends_with(['Z', 'z']);
        let offset = if is_utc {
            Offset::UTC
        } else {
            let sign = text.rfind(['+', '-'])?;
            offset_of(&text[sign..])?
        };
        Some(Self { at, offset })
    }

    /// The moment.
    pub fn timestamp(&self) -> Timestamp {
        self.at
    }

    /// `Mon Jan _2 15:04:05 2006`
    pub fn ansic(&self) -> String {
        let local = self.offset.to_datetime(self.at);
        local.strftime("%a %b %e %H:%M:%S %Y").to_string()
    }

    /// RFC 3339 in whole seconds.
    pub fn seconds(&self) -> String {
        let local = self.offset.to_datetime(self.at);
        format!("{}{}", local.strftime("%Y-%m-%dT%H:%M:%S"), self.zone(true))
    }

    /// What Go's `Time.String` gives.
    pub fn display(&self) -> String {
        let local = self.offset.to_datetime(self.at);
        let zone = self.zone(false);
        let name = if self.offset == Offset::UTC {
            "UTC"
        } else {
            &zone
        };
        let fraction = self.fraction();
        format!(
            "{}{fraction} {zone} {name}",
            local.strftime("%Y-%m-%d %H:%M:%S")
        )
    }

    /// The moment in a layout of Go.
    pub fn format(&self, layout: &str) -> String {
        let zone = jiff::tz::TimeZone::fixed(self.offset);
        let time = argosy_gotmpl::GoTime::new(self.at.to_zoned(zone));
        argosy_gotmpl::gotime::format(&time, layout)
    }

    fn fraction(&self) -> String {
        let nanos = self.at.subsec_nanosecond().unsigned_abs();
        if nanos == 0 {
            return String::new();
        }
        let digits = format!("{nanos:09}");
        format!(".{}", digits.trim_end_matches('0'))
    }

    fn zone(&self, with_colon: bool) -> String {
        if with_colon && self.offset == Offset::UTC {
            return "Z".to_owned();
        }
        let seconds = self.offset.seconds();
        let sign = if seconds < 0 { '-' } else { '+' };
        let minutes = seconds.unsigned_abs() / 60;
        let colon = if with_colon { ":" } else { "" };
        format!("{sign}{:02}{colon}{:02}", minutes / 60, minutes % 60)
    }
}

/// RFC 3339 with as many digits as the fraction needs.
impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self.offset.to_datetime(self.at);
        write!(f, "{}", local.strftime("%Y-%m-%dT%H:%M:%S"))?;
        f.write_str(&self.fraction())?;
        f.write_str(&self.zone(true))
    }
}

/// The year 1, which Go's zero time has.
const ZERO_SECOND: i64 = -62_135_596_800;

fn offset_of(text: &str) -> Option<Offset> {
    let (sign, rest) = (text.get(..1)?, text.get(1..)?);
    let (hours, minutes) = rest.split_once(':')?;
    let seconds = hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60;
    Offset::from_seconds(if sign == "-" { -seconds } else { seconds }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_written_as_go_writes_them() {
        let stamp = Stamp::parse("2024-02-03T04:05:06.120000007+02:00").unwrap();
        assert_eq!(stamp.to_string(), "2024-02-03T04:05:06.120000007+02:00");
        assert_eq!(stamp.ansic(), "Sat Feb  3 04:05:06 2024");
        assert_eq!(stamp.seconds(), "2024-02-03T04:05:06+02:00");
        assert_eq!(stamp.display(), "2024-02-03 04:05:06.120000007 +0200 +0200");
        let utc = Stamp::parse("2024-02-03T04:05:06Z").unwrap();
        assert_eq!(utc.to_string(), "2024-02-03T04:05:06Z");
        assert_eq!(utc.display(), "2024-02-03 04:05:06 +0000 UTC");
    }

    #[test]
    fn nothing_and_zero_are_no_stamps() {
        for text in ["", "0001-01-01T00:00:00Z", "yesterday", "2024-02-03"] {
            assert_eq!(Stamp::parse(text), None, "{text}");
        }
    }
}
