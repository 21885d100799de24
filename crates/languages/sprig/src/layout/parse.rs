//! Reading a time by a layout.

use super::{Element, MONTHS, WEEKDAYS, Zone, next_chunk};
use jiff::Zoned;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};

/// Reads a time. A text that names no zone is taken to be in `local`.
///
/// # Errors
/// With Go's text.
pub fn parse(layout: &[u8], text: &[u8], local: &TimeZone) -> Result<Zoned, String> {
    let mut reader = Reader {
        rest: text,
        seen: Seen::default(),
    };
    let mut rest = layout;
    loop {
        let chunk = next_chunk(rest);
        if reader.skip(chunk.prefix).is_err() {
            return Err(cannot(layout, text, reader.rest, chunk.prefix));
        }
        let Some((element, element_text)) = chunk.element else {
            break;
        };
        rest = chunk.suffix;
        let hold = reader.rest;
        match reader.read(element, rest) {
            Ok(()) => {}
            Err(Fault::Bad) => return Err(cannot(layout, text, hold, element_text)),
            Err(Fault::Range(what)) => return Err(out_of(text, what)),
        }
    }
    if !reader.rest.is_empty() {
        return Err(format!(
            "parsing time {}: extra text: {}",
            quote(text),
            quote(reader.rest)
        ));
    }
    reader.seen.time(text, local)
}

enum Fault {
    /// The text has not the shape of the element.
    Bad,
    /// It has, with a number that cannot be.
    Range(&'static str),
}

#[derive(Default)]
struct Seen {
    year: i32,
    month: Option<u32>,
    day: Option<u32>,
    year_day: Option<u32>,
    hour: u32,
    minute: u32,
    second: u32,
    nanosecond: u32,
    am: bool,
    pm: bool,
    utc: bool,
    offset: Option<i32>,
    zone: Option<String>,
}

struct Reader<'t> {
    rest: &'t [u8],
    seen: Seen,
}

impl<'t> Reader<'t> {
    /// Skips plain text; any number of blanks stands for any number of blanks.
    fn skip(&mut self, mut prefix: &[u8]) -> Result<(), ()> {
        while let Some(first) = prefix.first() {
            if *first == b' ' {
                if self.rest.first().is_some_and(|b| *b != b' ') {
                    return Err(());
                }
                prefix = cut_blanks(prefix);
                self.rest = cut_blanks(self.rest);
                continue;
            }
            if self.rest.first() != Some(first) {
                return Err(());
            }
            prefix = &prefix[1..];
            self.rest = &self.rest[1..];
        }
        Ok(())
    }

    fn take(&mut self, len: usize) -> Result<&'t [u8], Fault> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(Fault::Bad)?;
        self.rest = rest;
        Ok(taken)
    }

    fn number(&mut self, fixed: bool) -> Result<u32, Fault> {
        let digits = self
            .rest
            .iter()
            .take(2)
            .take_while(|b| b.is_ascii_digit())
            .count();
        if digits == 0 || (fixed && digits == 1) {
            return Err(Fault::Bad);
        }
        number(self.take(digits)?)
    }

    fn ranged(
        &mut self,
        fixed: bool,
        range: std::ops::RangeInclusive<u32>,
        what: &'static str,
    ) -> Result<u32, Fault> {
        let number = self.number(fixed)?;
        if range.contains(&number) {
            Ok(number)
        } else {
            Err(Fault::Range(what))
        }
    }

    fn name(&mut self, names: &[&str], len: Option<usize>) -> Result<usize, Fault> {
        for (index, name) in names.iter().enumerate() {
            let name = &name.as_bytes()[..len.unwrap_or(name.len())];
            if self
                .rest
                .get(..name.len())
                .is_some_and(|t| t.eq_ignore_ascii_case(name))
            {
                self.rest = &self.rest[name.len()..];
                return Ok(index);
            }
        }
        Err(Fault::Bad)
    }

    fn read(&mut self, element: Element, layout_rest: &[u8]) -> Result<(), Fault> {
        match element {
            Element::Year => {
                let year = number(self.take(2)?)? as i32;
                self.seen.year = year + if year >= 69 { 1900 } else { 2000 };
            }
            Element::LongYear => {
                if !self.rest.first().is_some_and(u8::is_ascii_digit) {
                    return Err(Fault::Bad);
                }
                self.seen.year = number(self.take(4)?)? as i32;
            }
            Element::Month => self.seen.month = Some(self.name(&MONTHS, Some(3))? as u32 + 1),
            Element::LongMonth => self.seen.month = Some(self.name(&MONTHS, None)? as u32 + 1),
            Element::NumMonth | Element::ZeroMonth => {
                let fixed = element == Element::ZeroMonth;
                self.seen.month = Some(self.ranged(fixed, 1..=12, "month")?);
            }
            Element::Weekday => drop(self.name(&WEEKDAYS, Some(3))?),
            Element::LongWeekday => drop(self.name(&WEEKDAYS, None)?),
            Element::Day | Element::UnderDay | Element::ZeroDay => {
                if element == Element::UnderDay && self.rest.first() == Some(&b' ') {
                    self.rest = &self.rest[1..];
                }
                self.seen.day = Some(self.number(element == Element::ZeroDay)?);
            }
            Element::UnderYearDay | Element::ZeroYearDay => self.year_day(element)?,
            Element::Hour => self.seen.hour = self.ranged(false, 0..=23, "hour")?,
            Element::Hour12 | Element::ZeroHour12 => {
                let fixed = element == Element::ZeroHour12;
                self.seen.hour = self.ranged(fixed, 0..=12, "hour")?;
            }
            Element::Minute | Element::ZeroMinute => {
                let fixed = element == Element::ZeroMinute;
                self.seen.minute = self.ranged(fixed, 0..=59, "minute")?;
            }
            Element::Second | Element::ZeroSecond => {
                let fixed = element == Element::ZeroSecond;
                self.seen.second = self.ranged(fixed, 0..=59, "second")?;
                self.unasked_fraction(layout_rest)?;
            }
            Element::UpperPm | Element::LowerPm => self.half(element)?,
            Element::Zone(zone) => self.offset(zone)?,
            Element::ZoneName => self.zone_name()?,
            Element::Fraction(_, digits, false) => {
                let text = self.take(1 + digits)?;
                self.seen.nanosecond = nanoseconds(text)?;
            }
            Element::Fraction(_, _, true) => {
                let len = fraction_len(self.rest);
                if len > 0 {
                    self.seen.nanosecond = nanoseconds(self.take(len)?)?;
                }
            }
        }
        Ok(())
    }

    fn year_day(&mut self, element: Element) -> Result<(), Fault> {
        let fixed = element == Element::ZeroYearDay;
        for _ in 0..2 {
            if !fixed && self.rest.first() == Some(&b' ') {
                self.rest = &self.rest[1..];
            }
        }
        let digits = self
            .rest
            .iter()
            .take(3)
            .take_while(|b| b.is_ascii_digit())
            .count();
        if digits == 0 || (fixed && digits != 3) {
            return Err(Fault::Bad);
        }
        self.seen.year_day = Some(number(self.take(digits)?)?);
        Ok(())
    }

    /// A fraction behind the seconds is read even where the layout has none.
    fn unasked_fraction(&mut self, layout_rest: &[u8]) -> Result<(), Fault> {
        let len = fraction_len(self.rest);
        let next = next_chunk(layout_rest).element.map(|(element, _)| element);
        if len > 0 && !matches!(next, Some(Element::Fraction(..))) {
            self.seen.nanosecond = nanoseconds(self.take(len)?)?;
        }
        Ok(())
    }

    fn half(&mut self, element: Element) -> Result<(), Fault> {
        match (element, self.take(2)?) {
            (Element::UpperPm, b"PM") | (Element::LowerPm, b"pm") => self.seen.pm = true,
            (Element::UpperPm, b"AM") | (Element::LowerPm, b"am") => self.seen.am = true,
            _ => return Err(Fault::Bad),
        }
        Ok(())
    }

    fn offset(&mut self, zone: Zone) -> Result<(), Fault> {
        if zone.z && self.rest.first() == Some(&b'Z') {
            self.rest = &self.rest[1..];
            self.seen.utc = true;
            return Ok(());
        }
        let width = if zone.colon { 3 } else { 2 };
        let parts = 1 + usize::from(zone.minutes) + usize::from(zone.seconds);
        let text = self.take(1 + 2 + (parts - 1) * width)?;
        let mut numbers = [0; 3];
        for (part, slot) in numbers.iter_mut().enumerate().take(parts) {
            let start = 1 + part * width;
            if zone.colon && part > 0 && text[start - 1] != b':' {
                return Err(Fault::Bad);
            }
            *slot = number(&text[start..start + 2])?;
        }
        let [hours, minutes, seconds] = numbers;
        for (number, most, what) in [
            (hours, 24, "time zone offset hour"),
            (minutes, 60, "time zone offset minute"),
            (seconds, 60, "time zone offset second"),
        ] {
            if number > most {
                return Err(Fault::Range(what));
            }
        }
        let total = ((hours * 60 + minutes) * 60 + seconds) as i32;
        self.seen.offset = Some(match text[0] {
            b'+' => total,
            b'-' => -total,
            _ => return Err(Fault::Bad),
        });
        Ok(())
    }

    fn zone_name(&mut self) -> Result<(), Fault> {
        if self.rest.starts_with(b"UTC") {
            self.rest = &self.rest[3..];
            self.seen.utc = true;
            return Ok(());
        }
        let len = zone_name_len(self.rest).ok_or(Fault::Bad)?;
        self.seen.zone = Some(String::from_utf8_lossy(self.take(len)?).into_owned());
        Ok(())
    }
}

impl Seen {
    fn time(mut self, text: &[u8], local: &TimeZone) -> Result<Zoned, String> {
        if self.pm && self.hour < 12 {
            self.hour += 12;
        } else if self.am && self.hour == 12 {
            self.hour = 0;
        }
        let date = self.date(text)?;
        let time = jiff::civil::time(
            self.hour as i8,
            self.minute as i8,
            self.second as i8,
            self.nanosecond as i32,
        );
        let civil = date.to_datetime(time);
        let zone = if self.utc {
            TimeZone::UTC
        } else if let Some(offset) = self.offset {
            Self::fixed(offset)
        } else if let Some(name) = &self.zone {
            let here = local.to_zoned(civil).ok();
            let is_local = here.is_some_and(|time| {
                local.to_offset_info(time.timestamp()).abbreviation() == name.as_str()
            });
            let hours = name.strip_prefix("GMT").and_then(|h| h.parse::<i32>().ok());
            if is_local {
                local.clone()
            } else {
                Self::fixed(hours.unwrap_or(0) * 3600)
            }
        } else {
            local.clone()
        };
        let zoned = zone.to_zoned(civil).map_err(|_| out_of(text, "year"))?;
        // Where the local zone has that very offset at that time, Go speaks of the local zone.
        if self.offset == Some(zoned.offset().seconds())
            && local.to_offset(zoned.timestamp()) == zoned.offset()
        {
            return Ok(zoned.with_time_zone(local.clone()));
        }
        Ok(zoned)
    }

    fn fixed(seconds: i32) -> TimeZone {
        Offset::from_seconds(seconds).map_or(TimeZone::UTC, TimeZone::fixed)
    }

    fn date(&self, text: &[u8]) -> Result<Date, String> {
        let year = self.year as i16;
        if let Some(year_day) = self.year_day {
            let first = jiff::civil::date(year, 1, 1);
            if year_day < 1 || year_day > first.days_in_year().unsigned_abs().into() {
                return Err(out_of(text, "day-of-year"));
            }
            let days = jiff::Span::new().days(i64::from(year_day) - 1);
            let date = first
                .checked_add(days)
                .map_err(|_| out_of(text, "day-of-year"))?;
            if self
                .month
                .is_some_and(|month| month != u32::from(date.month().unsigned_abs()))
            {
                return Err(format!(
                    "parsing time {}: day-of-year does not match month",
                    quote(text)
                ));
            }
            if self
                .day
                .is_some_and(|day| day != u32::from(date.day().unsigned_abs()))
            {
                return Err(format!(
                    "parsing time {}: day-of-year does not match day",
                    quote(text)
                ));
            }
            return Ok(date);
        }
        Date::new(
            year,
            self.month.unwrap_or(1) as i8,
            self.day.unwrap_or(1) as i8,
        )
        .map_err(|_| out_of(text, "day"))
    }
}

fn number(digits: &[u8]) -> Result<u32, Fault> {
    digits.iter().try_fold(0, |number, digit| match digit {
        b'0'..=b'9' => Ok(number * 10 + u32::from(digit - b'0')),
        _ => Err(Fault::Bad),
    })
}

/// The separator and the digits behind it; 0 where there is no fraction.
fn fraction_len(text: &[u8]) -> usize {
    if !matches!(text.first(), Some(b'.' | b',')) {
        return 0;
    }
    match text[1..].iter().take_while(|b| b.is_ascii_digit()).count() {
        0 => 0,
        digits => 1 + digits,
    }
}

fn nanoseconds(text: &[u8]) -> Result<u32, Fault> {
    if !matches!(text.first(), Some(b'.' | b',')) {
        return Err(Fault::Bad);
    }
    let digits = &text[1..text.len().min(10)];
    Ok(number(digits)? * 10_u32.pow(9 - digits.len() as u32))
}

/// How long the abbreviation of a zone is that a text starts with.
fn zone_name_len(text: &[u8]) -> Option<usize> {
    if text.len() < 3 {
        return None;
    }
    if text.starts_with(b"ChST") || text.starts_with(b"MeST") {
        return Some(4);
    }
    if text.starts_with(b"GMT") {
        return Some(3 + signed_offset_len(&text[3..]));
    }
    if matches!(text[0], b'+' | b'-') {
        return Some(signed_offset_len(text)).filter(|len| *len > 0);
    }
    match text
        .iter()
        .take(6)
        .take_while(|b| b.is_ascii_uppercase())
        .count()
    {
        5 if text[4] == b'T' => Some(5),
        4 if text[3] == b'T' || text.starts_with(b"WITA") => Some(4),
        3 => Some(3),
        _ => None,
    }
}

fn signed_offset_len(text: &[u8]) -> usize {
    if !matches!(text.first(), Some(b'+' | b'-')) {
        return 0;
    }
    let digits = text[1..].iter().take_while(|b| b.is_ascii_digit()).count();
    let hours = std::str::from_utf8(&text[1..=digits])
        .ok()
        .and_then(|t| t.parse::<u64>().ok());
    if hours.is_some_and(|hours| hours <= 23) {
        1 + digits
    } else {
        0
    }
}

fn cut_blanks(text: &[u8]) -> &[u8] {
    &text[text.iter().take_while(|b| **b == b' ').count()..]
}

fn out_of(text: &[u8], what: &str) -> String {
    format!("parsing time {}: {what} out of range", quote(text))
}

fn cannot(layout: &[u8], text: &[u8], rest: &[u8], element: &[u8]) -> String {
    format!(
        "parsing time {} as {}: cannot parse {} as {}",
        quote(text),
        quote(layout),
        quote(rest),
        quote(element)
    )
}

/// Go's own quoting of this package: other bytes than printable ASCII as `\xNN`.
pub(crate) fn quote(text: &[u8]) -> String {
    let mut out = String::from("\"");
    for byte in text {
        match byte {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(*byte));
            }
            b' '..=0x7f => out.push(char::from(*byte)),
            _ => out += &format!("\\x{byte:02x}"),
        }
    }
    out.push('"');
    out
}
