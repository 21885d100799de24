//! Cron schedules: five fields, lists, ranges, steps, names and the usual macros.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// A parsed schedule: one bit for each value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    any_day: bool,
    any_weekday: bool,
}

impl Schedule {
    /// Reads a schedule; `None` for what is none (`@every` is no point in time, so it is none).
    pub fn parse(text: &str) -> Option<Self> {
        let text = match text.trim() {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            other => other,
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields[..] else {
            return None;
        };
        Some(Self {
            minutes: bits(minutes, 0, 59, &[])?,
            hours: bits(hours, 0, 23, &[])?,
            days: bits(days, 1, 31, &[])?,
            months: bits(months, 1, 12, &MONTHS)?,
            // Sunday is 0 and, by courtesy, 7.
            weekdays: bits(weekdays, 0, 7, &DAYS).map(|b| b & 0x7f | (b >> 7 & 1))?,
            any_day: is_any(days),
            any_weekday: is_any(weekdays),
        })
    }

    /// The first time after `after`, in a time zone; `None` where there is none in five years.
    pub fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let local = zone.to_datetime(after);
        let mut at = DateTime::from_parts(
            local.date(),
            jiff::civil::time(local.hour(), local.minute(), 0, 0),
        )
        .checked_add(1.minute())
        .ok()?;
        let limit = at.checked_add(5.years()).ok()?;
        while at < limit {
            if !self.fits_day(at) {
                at = at.date().tomorrow().ok()?.at(0, 0, 0, 0);
            } else if self.hours >> at.hour() & 1 == 0 {
                let date = at.date().at(at.hour(), 0, 0, 0);
                at = date.checked_add(1.hour()).ok()?;
            } else if self.minutes >> at.minute() & 1 == 0 {
                at = at.checked_add(1.minute()).ok()?;
            } else {
                let found = zone.to_zoned(at).ok()?.timestamp();
                if found > after {
                    return Some(found);
                }
                at = at.checked_add(1.minute()).ok()?;
            }
        }
        None
    }

    fn fits_day(&self, at: DateTime) -> bool {
        if self.months >> at.month() & 1 == 0 {
            return false;
        }
        let day = self.days >> at.day() & 1 == 1;
        let weekday = self.weekdays >> at.weekday().to_sunday_zero_offset() & 1 == 1;
        // Two restrictions are alternatives; one alone must hold.
        if self.any_day || self.any_weekday {
            day && weekday
        } else {
            day || weekday
        }
    }
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

fn is_any(field: &str) -> bool {
    field.starts_with('*') || field.starts_with('?')
}

fn bits(field: &str, low: u32, high: u32, names: &[&str]) -> Option<u64> {
    let mut out = 0;
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step.parse::<u32>().ok().filter(|s| *s > 0)?)),
            None => (part, None),
        };
        let (first, last) = if range == "*" || range == "?" {
            (low, high)
        } else {
            let (a, b) = range
                .split_once('-')
                .map_or((range, None), |(a, b)| (a, Some(b)));
            let first = number(a, low, names)?;
            let last = match (b, step) {
                (Some(b), _) => number(b, low, names)?,
                (None, Some(_)) => high,
                (None, None) => first,
            };
            (first, last)
        };
        if first < low || last > high || first > last {
            return None;
        }
        for value in (first..=last).step_by(step.unwrap_or(1) as usize) {
            out |= 1_u64 << value;
        }
    }
    Some(out)
}

fn number(text: &str, low: u32, names: &[&str]) -> Option<u32> {
    let named = names
        .iter()
        .position(|name| name.eq_ignore_ascii_case(text));
    named
        .map(|at| at as u32 + low)
        .or_else(|| text.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(schedule: &str, after: &str) -> String {
        let after: Timestamp = after.parse().unwrap();
        Schedule::parse(schedule)
            .unwrap()
            .next(after, &TimeZone::UTC)
            .unwrap()
            .to_string()
    }

    #[test]
    fn schedules_meet_the_next_minute_that_fits() {
        assert_eq!(
            next("*/5 * * * *", "2026-11-23T10:02:30Z"),
            "2026-11-23T10:05:00Z"
        );
        assert_eq!(
            next("@daily", "2026-11-23T10:02:30Z"),
            "2026-11-24T00:00:00Z"
        );
        assert_eq!(
            next("0 9 * * mon", "2026-11-23T10:00:00Z"),
            "2026-11-30T09:00:00Z"
        );
        assert_eq!(
            next("0 0 29 2 *", "2026-11-23T10:00:00Z"),
            "2028-02-29T00:00:00Z"
        );
        assert_eq!(
            next("0 0 1 * 7", "2026-11-23T10:00:00Z"),
            "2026-11-29T00:00:00Z"
        );
    }

    #[test]
    fn time_zones_count() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let after = "2026-11-23T10:00:00Z".parse().unwrap();
        let at = Schedule::parse("0 12 * * *")
            .unwrap()
            .next(after, &zone)
            .unwrap();
        assert_eq!(at.to_string(), "2026-11-23T11:00:00Z");
    }

    #[test]
    fn nonsense_and_never_are_refused() {
        for bad in [
            "",
            "* * * *",
            "60 * * * *",
            "5-1 * * * *",
            "*/0 * * * *",
            "@every 5m",
        ] {
            assert_eq!(Schedule::parse(bad), None, "{bad}");
        }
        let never = Schedule::parse("0 0 31 2 *").unwrap();
        assert_eq!(
            never.next("2026-01-01T00:00:00Z".parse().unwrap(), &TimeZone::UTC),
            None
        );
    }
}
