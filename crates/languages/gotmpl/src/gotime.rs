//! Go's `time` as far as templates see it: text forms, layouts and methods.

use jiff::Zoned;

use crate::func::FuncError;
use crate::value::{GoTime, Value};

/// `time.Time.String`, without a monotonic clock reading.
pub(crate) fn display(time: &GoTime) -> String {
    format(time, "2006-01-02 15:04:05.999999999 -0700 MST")
}

/// `%#v` of a time.
pub(crate) fn go_string(time: &GoTime) -> String {
    let zoned = time.zoned();
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let month = MONTHS[usize::from(zoned.month().unsigned_abs())
        .saturating_sub(1)
        .min(11)];
    let zone = if zoned.offset().is_zero() {
        "time.UTC"
    } else {
        "time.Local"
    };
    format!(
        "time.Date({}, time.{month}, {}, {}, {}, {}, {}, {zone})",
        zoned.year(),
        zoned.day(),
        zoned.hour(),
        zoned.minute(),
        zoned.second(),
        zoned.subsec_nanosecond(),
    )
}

/// `time.Duration.String`: `1h0m0s`, `1.5s`, `3µs`, `0s`.
pub fn duration_text(nanos: i64) -> String {
    let total = nanos.unsigned_abs();
    let sign = if nanos < 0 { "-" } else { "" };
    let fraction = |value: u64, unit: u64| {
        let rest = value % unit;
        if rest == 0 {
            return (value / unit).to_string();
        }
        let width = unit.ilog10() as usize;
        let digits = format!("{rest:0width$}");
        format!("{}.{}", value / unit, digits.trim_end_matches('0'))
    };
    match total {
        0 => "0s".to_owned(),
        1..1_000 => format!("{sign}{total}ns"),
        1_000..1_000_000 => format!("{sign}{}µs", fraction(total, 1_000)),
        1_000_000..1_000_000_000 => format!("{sign}{}ms", fraction(total, 1_000_000)),
        _ => {
            let minutes = total / 60_000_000_000;
            let seconds = fraction(total % 60_000_000_000, 1_000_000_000);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
                (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}

/// Elements of a Go layout, longest spelling first where one begins another.
const ELEMENTS: &[(&str, &str)] = &[
    ("January", "%B"),
    ("Jan", "%b"),
    ("Monday", "%A"),
    ("Mon", "%a"),
    ("MST", "zone"),
    ("2006", "year"),
    ("01", "%m"),
    ("02", "%d"),
    ("03", "%I"),
    ("04", "%M"),
    ("05", "%S"),
    ("06", "%y"),
    ("002", "%j"),
    ("15", "%H"),
    ("1", "%-m"),
    ("_2006", "_year"),
    ("__2", "day of year"),
    ("_2", "%e"),
    ("2", "%-d"),
    ("3", "%-I"),
    ("4", "%-M"),
    ("5", "%-S"),
    ("PM", "%p"),
    ("pm", "%P"),
    ("-07:00:00", "%::z"),
    ("-07:00", "%:z"),
    ("-070000", "offset seconds"),
    ("-0700", "%z"),
    ("-07", "offset hours"),
    ("Z07:00:00", "Z%::z"),
    ("Z07:00", "Z%:z"),
    ("Z070000", "Zoffset seconds"),
    ("Z0700", "Z%z"),
    ("Z07", "Zoffset hours"),
];

/// `time.Time.Format` with a Go layout.
pub fn format(time: &GoTime, layout: &str) -> String {
    let zoned = time.zoned();
    let mut out = String::with_capacity(layout.len() + 8);
    let mut rest = layout;
    while let Some(first) = rest.chars().next() {
        if let Some(length) = fraction_length(rest) {
            write_fraction(&mut out, zoned, &rest[..length]);
            rest = &rest[length..];
            continue;
        }
        let element = ELEMENTS
            .iter()
            .filter(|(spelling, _)| rest.starts_with(spelling) && !word_goes_on(rest, spelling))
            .max_by_key(|(spelling, _)| spelling.len());
        match element {
            Some((spelling, directive)) => {
                write_element(&mut out, zoned, directive);
                rest = &rest[spelling.len()..];
            }
            None => {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    out
}

/// `Jan` and `Mon` are not elements at the start of a longer lower-case word.
fn word_goes_on(rest: &str, spelling: &str) -> bool {
    matches!(spelling, "Jan" | "Mon")
        && rest[spelling.len()..].starts_with(|next: char| next.is_ascii_lowercase())
}

/// The length of a fraction of a second (`.000`, `,999`), which no digit may follow.
fn fraction_length(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let digit = *bytes.get(1).filter(|digit| matches!(digit, b'0' | b'9'))?;
    if !matches!(bytes[0], b'.' | b',') {
        return None;
    }
    let end = 1 + bytes[1..].iter().take_while(|byte| **byte == digit).count();
    (!bytes.get(end).is_some_and(u8::is_ascii_digit)).then_some(end)
}

fn write_fraction(out: &mut String, zoned: &Zoned, spelling: &str) {
    let wanted = spelling.len() - 1;
    let mut digits = format!("{:09}", zoned.subsec_nanosecond());
    digits.truncate(wanted.min(9));
    if spelling.ends_with('9') {
        digits.truncate(digits.trim_end_matches('0').len());
        if digits.is_empty() {
            return;
        }
    }
    out.push_str(&spelling[..1]);
    out.push_str(&digits);
}

fn write_element(out: &mut String, zoned: &Zoned, directive: &str) {
    let offset = zoned.offset().seconds();
    let text = match directive {
        "year" => format!("{:04}", zoned.year()),
        "_year" => format!("_{:04}", zoned.year()),
        "day of year" => format!("{:3}", zoned.day_of_year()),
        "zone" => return out.push_str(&zone_name(zoned)),
        "offset hours" => format!("{}{:02}", sign(offset), offset.abs() / 3600),
        "offset seconds" => {
            let size = offset.abs();
            format!(
                "{}{:02}{:02}{:02}",
                sign(offset),
                size / 3600,
                size / 60 % 60,
                size % 60
            )
        }
        // Odd seconds of an old offset are cut, where `strftime` would show them.
        "%z" | "%:z" => {
            let (minutes, colon) = (offset.abs() / 60, &directive[1..directive.len() - 1]);
            format!(
                "{}{:02}{colon}{:02}",
                sign(offset),
                minutes / 60,
                minutes % 60
            )
        }
        zulu if zulu.starts_with('Z') => {
            if offset == 0 {
                "Z".to_owned()
            } else {
                return write_element(out, zoned, &zulu[1..]);
            }
        }
        plain => zoned.strftime(plain).to_string(),
    };
    out.push_str(&text);
}

fn sign(offset: i32) -> char {
    if offset < 0 { '-' } else { '+' }
}

/// The zone's abbreviation; a zone that is only an offset shows that, as Go's does.
fn zone_name(zoned: &Zoned) -> String {
    let offset = zoned.offset().seconds();
    if zoned.time_zone().to_fixed_offset().is_err() {
        return zoned
            .time_zone()
            .to_offset_info(zoned.timestamp())
            .abbreviation()
            .to_owned();
    }
    if offset == 0 {
        return "UTC".to_owned();
    }
    let minutes = offset.abs() / 60;
    format!("{}{:02}{:02}", sign(offset), minutes / 60, minutes % 60)
}

/// Calls a method of `time.Time` or `time.Duration`. `None`: the type has no such method (or
/// none that a template could use).
pub(crate) fn method(
    value: &Value,
    name: &str,
    args: &[Value],
) -> Option<Result<Value, FuncError>> {
    let result = match value {
        Value::Time(time) => time_method(time, name, args)?,
        Value::Duration(nanos) => duration_method(*nanos, name)?,
        _ => return None,
    };
    Some(result)
}

fn duration_method(nanos: i64, name: &str) -> Option<Result<Value, FuncError>> {
    let seconds = nanos as f64 / 1e9;
    Some(Ok(match name {
        "String" => Value::str(duration_text(nanos)),
        "Nanoseconds" => Value::Int64(nanos),
        "Microseconds" => Value::Int64(nanos / 1_000),
        "Milliseconds" => Value::Int64(nanos / 1_000_000),
        "Seconds" => Value::Float(seconds),
        "Minutes" => Value::Float(seconds / 60.0),
        "Hours" => Value::Float(seconds / 3600.0),
        "Abs" => Value::Duration(nanos.saturating_abs()),
        _ => return None,
    }))
}

fn time_method(time: &GoTime, name: &str, args: &[Value]) -> Option<Result<Value, FuncError>> {
    let zoned = time.zoned();
    let stamp = zoned.timestamp();
    let int = |value: i64| Ok(Value::Int(value));
    Some(match (name, args) {
        ("String", _) => Ok(Value::str(display(time))),
        ("Format", [Value::Str(layout)]) => Ok(Value::str(format(time, &layout.lossy()))),
        ("Year", _) => int(i64::from(zoned.year())),
        ("Day", _) => int(i64::from(zoned.day())),
        ("Hour", _) => int(i64::from(zoned.hour())),
        ("Minute", _) => int(i64::from(zoned.minute())),
        ("Second", _) => int(i64::from(zoned.second())),
        ("Nanosecond", _) => int(i64::from(zoned.subsec_nanosecond())),
        ("YearDay", _) => int(i64::from(zoned.day_of_year())),
        ("Month", _) => Ok(Value::str(zoned.strftime("%B").to_string())),
        ("Weekday", _) => Ok(Value::str(zoned.strftime("%A").to_string())),
        ("Unix", _) => Ok(Value::Int64(stamp.as_second())),
        ("UnixMilli", _) => Ok(Value::Int64(stamp.as_millisecond())),
        ("UnixMicro", _) => Ok(Value::Int64(stamp.as_microsecond())),
        ("UnixNano", _) => Ok(Value::Int64(stamp.as_nanosecond() as i64)),
        ("UTC", _) => Ok(Value::Time(GoTime::new(
            stamp.to_zoned(jiff::tz::TimeZone::UTC),
        ))),
        ("Local", _) => Ok(Value::Time(time.clone())),
        ("IsZero", _) => Ok(Value::Bool(stamp.as_second() == -62_135_596_800)),
        ("Before", [Value::Time(other)]) => Ok(Value::Bool(stamp < other.zoned().timestamp())),
        ("After", [Value::Time(other)]) => Ok(Value::Bool(stamp > other.zoned().timestamp())),
        ("Equal", [Value::Time(other)]) => Ok(Value::Bool(stamp == other.zoned().timestamp())),
        ("Sub", [Value::Time(other)]) => Ok(Value::Duration(
            (stamp.as_nanosecond() - other.zoned().timestamp().as_nanosecond())
                .clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64,
        )),
        ("Add", [Value::Duration(nanos)]) => moved(zoned, jiff::Span::new().nanoseconds(*nanos)),
        ("AddDate", [Value::Int(years), Value::Int(months), Value::Int(days)]) => {
            let span = jiff::Span::new()
                .try_years(*years)
                .and_then(|span| span.try_months(*months))
                .and_then(|span| span.try_days(*days));
            match span {
                Ok(span) => moved(zoned, span),
                Err(error) => Err(FuncError::new(error.to_string())),
            }
        }
        _ => return None,
    })
}

fn moved(zoned: &Zoned, span: jiff::Span) -> Result<Value, FuncError> {
    let moved = zoned
        .checked_add(span)
        .map_err(|error| FuncError::new(error.to_string()))?;
    Ok(Value::Time(GoTime::new(moved)))
}
