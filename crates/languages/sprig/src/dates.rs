//! Dates. "Local" is the zone of the caller's clock; the zone of a machine is nobody's business.

use crate::args::{Outcome, any, string, text, utf8};
use crate::duration;
use crate::layout;
use argosy_gotmpl::{CallCx, FuncError, FuncTable, GoTime, Value, gotime};
use jiff::Timestamp;
use jiff::tz::TimeZone;

pub(crate) fn add(table: FuncTable) -> FuncTable {
    let table = table
        .with_typed("now", "", |cx, _| Ok(Value::Time(cx.env.now())))
        .with_typed("ago", "any", |cx, a| {
            let now = cx.env.now();
            let then = time_of(cx, any(a, 0));
            let seconds = (nanoseconds_since(&then, &now) + HALF_SECOND).div_euclid(SECOND);
            string(gotime::duration_text(clamp(seconds.saturating_mul(SECOND))))
        })
        .with_typed("date", "string, any", |cx, a| {
            let zone = local(cx);
            formatted(cx, text(a, 0), any(a, 1), zone)
        })
        .with_typed("htmlDate", "any", |cx, a| {
            let zone = local(cx);
            formatted(cx, b"2006-01-02", any(a, 0), zone)
        })
        .with_typed("htmlDateInZone", "any, string", |cx, a| {
            let zone = zone(cx, &utf8(a, 1));
            formatted(cx, b"2006-01-02", any(a, 0), zone)
        })
        .with_typed("duration", "any", |_, a| {
            let seconds = match any(a, 0) {
                Value::Str(text) => text.as_str().map_or(0, clamped_int),
                Value::Int64(seconds) => *seconds,
                _ => 0,
            };
            string(gotime::duration_text(
                seconds.wrapping_mul(duration::SECOND as i64),
            ))
        })
        .with_typed("durationRound", "any", duration_round)
        .with_typed("toDate", "string, string", |cx, a| {
            let zone = local(cx);
            Ok(Value::Time(
                layout::parse(text(a, 0), text(a, 1), &zone).map_or_else(|_| zero(), GoTime::new),
            ))
        })
        .with_typed("mustToDate", "string, string", |cx, a| {
            let zone = local(cx);
            let time = layout::parse(text(a, 0), text(a, 1), &zone)?;
            Ok(Value::Time(GoTime::new(time)))
        })
        .with_typed("unixEpoch", "time", |_, a| match any(a, 0) {
            Value::Time(time) => string(time.zoned().timestamp().as_second().to_string()),
            _ => string("0"),
        });
    let table = ["dateInZone", "date_in_zone"]
        .into_iter()
        .fold(table, |table, name| {
            table.with_typed(name, "string, any, string", |cx, a| {
                let zone = zone(cx, &utf8(a, 2));
                formatted(cx, text(a, 0), any(a, 1), zone)
            })
        });
    [
        ("dateModify", false),
        ("date_modify", false),
        ("mustDateModify", true),
        ("must_date_modify", true),
    ]
    .into_iter()
    .fold(table, |table, (name, must)| {
        table.with_typed(name, "string, time", move |_, a| modified(a, must))
    })
}

const SECOND: i128 = 1_000_000_000;
const HALF_SECOND: i128 = SECOND / 2;

fn clamp(nanoseconds: i128) -> i64 {
    nanoseconds.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

/// `strconv.ParseInt` with its error dropped.
fn clamped_int(text: &str) -> i64 {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return 0;
    }
    text.parse().unwrap_or(if text.starts_with('-') {
        i64::MIN
    } else {
        i64::MAX
    })
}

/// Go's zero time.
fn zero() -> GoTime {
    let first = jiff::civil::date(1, 1, 1).to_zoned(TimeZone::UTC);
    GoTime::new(first.expect("year 1 lies within the calendar"))
}

fn local(cx: &mut CallCx<'_>) -> TimeZone {
    cx.env.now().zoned().time_zone().clone()
}

/// `time.LoadLocation`; an unknown zone is UTC.
fn zone(cx: &mut CallCx<'_>, name: &str) -> TimeZone {
    match name {
        "" | "UTC" => TimeZone::UTC,
        "Local" => local(cx),
        _ if name.contains("..") || name.starts_with(['/', '\\']) => TimeZone::UTC,
        _ => jiff::tz::db().get(name).unwrap_or(TimeZone::UTC),
    }
}

fn nanoseconds_since(then: &GoTime, now: &GoTime) -> i128 {
    now.zoned().timestamp().as_nanosecond() - then.zoned().timestamp().as_nanosecond()
}

/// A time as it stands, a number as seconds since 1970; anything else is now.
fn time_of(cx: &mut CallCx<'_>, value: &Value) -> GoTime {
    match value {
        Value::Time(time) => time.clone(),
        Value::Int(seconds) | Value::Int64(seconds) => {
            let time = Timestamp::from_second(*seconds).unwrap_or(Timestamp::MAX);
            GoTime::new(time.to_zoned(TimeZone::UTC))
        }
        _ => cx.env.now(),
    }
}

fn formatted(cx: &mut CallCx<'_>, layout: &[u8], date: &Value, zone: TimeZone) -> Outcome {
    let time = time_of(cx, date);
    let there = GoTime::new(time.zoned().with_time_zone(zone));
    string(gotime::format(&there, &String::from_utf8_lossy(layout)))
}

fn modified(args: &[Value], must: bool) -> Outcome {
    let Value::Time(time) = any(args, 1) else {
        return Ok(Value::Nil);
    };
    let span = match duration::parse(text(args, 0)) {
        Ok(nanoseconds) => jiff::SignedDuration::from_nanos(nanoseconds),
        Err(error) if must => return Err(FuncError::new(error)),
        Err(_) => return Ok(Value::Time(time.clone())),
    };
    let moved = time.zoned().checked_add(span);
    moved
        .map(|t| Value::Time(GoTime::new(t)))
        .map_err(|e| FuncError::new(e.to_string()))
}

fn duration_round(cx: &mut CallCx<'_>, args: &[Value]) -> Outcome {
    let nanoseconds = match any(args, 0) {
        Value::Str(text) => duration::parse(text.as_bytes()).unwrap_or(0),
        Value::Int64(nanoseconds) => *nanoseconds,
        Value::Time(time) => {
            let now = cx.env.now();
            clamp(nanoseconds_since(time, &now))
        }
        _ => 0,
    };
    let size = nanoseconds.unsigned_abs();
    const DAY: u64 = 24 * duration::HOUR;
    let units = [
        (365 * DAY, "y"),
        (30 * DAY, "mo"),
        (DAY, "d"),
        (duration::HOUR, "h"),
        (duration::MINUTE, "m"),
        (duration::SECOND, "s"),
    ];
    let found = units.into_iter().find(|(unit, _)| size > *unit);
    string(found.map_or_else(
        || "0s".to_owned(),
        |(unit, name)| format!("{}{name}", size / unit),
    ))
}
