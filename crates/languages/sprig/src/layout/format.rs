//! Writing a time by a layout.

use super::{Element, MONTHS, WEEKDAYS, Zone, next_chunk};
use jiff::Zoned;

/// Writes a time as a layout says.
pub fn format(layout: &[u8], time: &Zoned) -> Vec<u8> {
    let mut out = Vec::with_capacity(layout.len() + 8);
    let mut rest = layout;
    loop {
        let chunk = next_chunk(rest);
        out.extend_from_slice(chunk.prefix);
        let Some((element, _)) = chunk.element else { return out };
        out.extend_from_slice(written(element, time).as_bytes());
        rest = chunk.suffix;
    }
}

fn written(element: Element, time: &Zoned) -> String {
    let hour12 = match time.hour() % 12 {
        0 => 12,
        hour => hour,
    };
    let month = MONTHS[usize::from(time.month().unsigned_abs()) - 1];
    let weekday = WEEKDAYS[time.weekday().to_sunday_zero_offset().unsigned_abs() as usize];
    match element {
        Element::Year => format!("{:02}", time.year().unsigned_abs() % 100),
        Element::LongYear => format!("{:04}", time.year()),
        Element::LongMonth => month.into(),
        Element::Month => month[..3].into(),
        Element::NumMonth => time.month().to_string(),
        Element::ZeroMonth => format!("{:02}", time.month()),
        Element::LongWeekday => weekday.into(),
        Element::Weekday => weekday[..3].into(),
        Element::Day => time.day().to_string(),
        Element::UnderDay => format!("{:2}", time.day()),
        Element::ZeroDay => format!("{:02}", time.day()),
        Element::UnderYearDay => format!("{:3}", time.day_of_year()),
        Element::ZeroYearDay => format!("{:03}", time.day_of_year()),
        Element::Hour => format!("{:02}", time.hour()),
        Element::Hour12 => hour12.to_string(),
        Element::ZeroHour12 => format!("{hour12:02}"),
        Element::Minute => time.minute().to_string(),
        Element::ZeroMinute => format!("{:02}", time.minute()),
        Element::Second => time.second().to_string(),
        Element::ZeroSecond => format!("{:02}", time.second()),
        Element::UpperPm => if time.hour() >= 12 { "PM" } else { "AM" }.into(),
        Element::LowerPm => if time.hour() >= 12 { "pm" } else { "am" }.into(),
        Element::ZoneName => zone_name(time),
        Element::Zone(zone) => offset(zone, time.offset().seconds()),
        Element::Fraction(separator, digits, trim) => {
            fraction(separator, digits, trim, time.subsec_nanosecond().unsigned_abs())
        }
    }
}

fn offset(zone: Zone, seconds: i32) -> String {
    if zone.z && seconds == 0 {
        return "Z".into();
    }
    // Go rounds to whole minutes towards zero before it looks at the sign.
    let minutes = seconds / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    let (minutes, rest) = (minutes.abs(), seconds.abs() % 60);
    let colon = if zone.colon { ":" } else { "" };
    let mut text = format!("{sign}{:02}{colon}", minutes / 60);
    if zone.minutes {
        text += &format!("{:02}", minutes % 60);
    }
    if zone.seconds {
        text += &format!("{colon}{rest:02}");
    }
    text
}

/// The zone's abbreviation, or its offset where it has none.
fn zone_name(time: &Zoned) -> String {
    let zone = time.time_zone();
    let seconds = time.offset().seconds();
    if zone.to_fixed_offset().is_ok() {
        if seconds == 0 {
            return "UTC".into();
        }
        return offset(Zone { z: false, colon: false, minutes: true, seconds: false }, seconds);
    }
    zone.to_offset_info(time.timestamp()).abbreviation().to_owned()
}

fn fraction(separator: u8, digits: usize, trim: bool, nanoseconds: u32) -> String {
    if trim && nanoseconds == 0 {
        return String::new();
    }
    let mut text = format!("{nanoseconds:09}");
    text.truncate(digits);
    if trim {
        text.truncate(text.trim_end_matches('0').len());
        if text.is_empty() {
            return text;
        }
    }
    format!("{}{text}", char::from(separator))
}
