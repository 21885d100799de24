//! Timestamps as go-yaml takes them: text of that form is quoted on the way out, and go-yaml v3
//! reads it as a time, which Go's JSON then spells in its own way.

/// Whether `text` is one of the four forms that go-yaml tries with `time.Parse`.
pub(crate) fn is_timestamp(text: &str) -> bool {
    normalized(text).is_some()
}

/// A timestamp as `time.Time` marshals to JSON: RFC 3339, trailing zeros of the fraction cut.
pub(crate) fn normalized(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    if bytes.len() < 5 || !bytes[..4].iter().all(u8::is_ascii_digit) || bytes[4] != b'-' {
        return None;
    }
    let mut rest = Rest(bytes);
    let year = rest.digits(4, 4)?;
    rest.literal(b'-')?;
    let month = rest.digits(1, 2)?;
    rest.literal(b'-')?;
    let day = rest.digits(1, 2)?;
    if !(1..=12).contains(&month) || day < 1 || day > days_in(month, year) {
        return None;
    }
    let date = format!("{year:04}-{month:02}-{day:02}");
    match rest.0.first() {
        None => Some(format!("{date}T00:00:00Z")),
        Some(b'T' | b't') => {
            rest.0 = &rest.0[1..];
            let clock = rest.clock()?;
            let zone = rest.zone()?;
            Some(format!("{date}T{clock}{zone}"))
        }
        Some(b' ') => {
            while rest.literal(b' ').is_some() {}
            let clock = rest.clock()?;
            rest.0.is_empty().then(|| format!("{date}T{clock}Z"))
        }
        Some(_) => None,
    }
}

struct Rest<'b>(&'b [u8]);

impl Rest<'_> {
    fn literal(&mut self, byte: u8) -> Option<()> {
        if self.0.first() != Some(&byte) {
            return None;
        }
        self.0 = &self.0[1..];
        Some(())
    }

    fn digits(&mut self, least: usize, most: usize) -> Option<u32> {
        let count = self
            .0
            .iter()
            .take(most)
            .take_while(|b| b.is_ascii_digit())
            .count();
        if count < least {
            return None;
        }
        let value = self.0[..count]
            .iter()
            .fold(0, |n, b| n * 10 + u32::from(b - b'0'));
        self.0 = &self.0[count..];
        Some(value)
    }

    fn below(&mut self, bound: u32) -> Option<u32> {
        self.digits(1, 2).filter(|n| *n < bound)
    }

    /// Hours, minutes, seconds and, where it is there, a fraction after a point or a comma.
    fn clock(&mut self) -> Option<String> {
        const NANOSECONDS: usize = 9;
        let hour = self.below(24)?;
        self.literal(b':')?;
        let minute = self.below(60)?;
        self.literal(b':')?;
        let second = self.below(60)?;
        let mut clock = format!("{hour:02}:{minute:02}:{second:02}");
        if let [b'.' | b',', digit, ..] = self.0
            && digit.is_ascii_digit()
        {
            let digits = &self.0[1..];
            let count = digits.iter().take_while(|b| b.is_ascii_digit()).count();
            let kept = std::str::from_utf8(&digits[..count.min(NANOSECONDS)]).unwrap_or("");
            let kept = kept.trim_end_matches('0');
            if !kept.is_empty() {
                clock.push('.');
                clock.push_str(kept);
            }
            self.0 = &digits[count..];
        }
        Some(clock)
    }

    fn zone(&mut self) -> Option<String> {
        match self.0 {
            [b'Z'] => Some("Z".to_owned()),
            [sign @ (b'+' | b'-'), hours @ .., b':', _, _] if hours.len() == 2 => {
                let sign = char::from(*sign);
                self.0 = &self.0[1..];
                let hours = self.digits(2, 2)?;
                self.literal(b':')?;
                let minutes = self.digits(2, 2)?;
                if hours > 24 || minutes > 60 {
                    return None;
                }
                let zone = format!("{sign}{hours:02}:{minutes:02}");
                Some(if hours + minutes == 0 {
                    "Z".to_owned()
                } else {
                    zone
                })
            }
            _ => None,
        }
    }
}

fn is_leap(year: u32) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in(month: u32, year: u32) -> u32 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_forms_are_timestamps_and_others_are_not() {
        for (text, json) in [
            ("2001-12-14", "2001-12-14T00:00:00Z"),
            ("2001-1-2", "2001-01-02T00:00:00Z"),
            ("2024-02-29", "2024-02-29T00:00:00Z"),
            ("2001-12-14T21:59:43Z", "2001-12-14T21:59:43Z"),
            (
                "2001-12-14t21:59:43.10+05:00",
                "2001-12-14T21:59:43.1+05:00",
            ),
            ("2001-12-14  1:9:3.5", "2001-12-14T01:09:03.5Z"),
        ] {
            assert_eq!(normalized(text).as_deref(), Some(json));
        }
        for text in [
            "2001-13-14",
            "2023-02-29",
            "2001-12-14T21:59:43",
            "2001-12-14 21:59:43.10 -5",
            "2001-12",
            "201-12-14",
        ] {
            assert!(!is_timestamp(text), "{text}");
        }
    }
}
