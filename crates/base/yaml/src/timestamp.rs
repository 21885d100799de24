//! Which plain texts go-yaml takes for timestamps: such text is quoted on the way out.

/// Whether `text` is one of the four forms that go-yaml tries with `time.Parse`.
pub(crate) fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() > 4
        && bytes[..4].iter().all(u8::is_ascii_digit)
        && bytes[4] == b'-'
        && parse(bytes).is_some()
}

fn parse(bytes: &[u8]) -> Option<()> {
    let mut rest = Rest(bytes);
    let year = rest.digits(4, 4)?;
    rest.literal(b'-')?;
    let month = rest.digits(1, 2)?;
    rest.literal(b'-')?;
    let day = rest.digits(1, 2)?;
    if !(1..=12).contains(&month) || day < 1 || day > days_in(month, year) {
        return None;
    }
    match rest.0.first() {
        None => Some(()),
        Some(b'T' | b't') => {
            rest.0 = &rest.0[1..];
            rest.clock()?;
            rest.zone()
        }
        Some(b' ') => {
            while rest.literal(b' ').is_some() {}
            rest.clock()?;
            rest.0.is_empty().then_some(())
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

    fn below(&mut self, bound: u32) -> Option<()> {
        self.digits(1, 2).filter(|n| *n < bound).map(|_| ())
    }

    /// Hours, minutes, seconds and, where it is there, a fraction after a point or a comma.
    fn clock(&mut self) -> Option<()> {
        self.below(24)?;
        self.literal(b':')?;
        self.below(60)?;
        self.literal(b':')?;
        self.below(60)?;
        if let [b'.' | b',', digit, ..] = self.0
            && digit.is_ascii_digit()
        {
            let count = self.0[1..]
                .iter()
                .take_while(|b| b.is_ascii_digit())
                .count();
            self.0 = &self.0[1 + count..];
        }
        Some(())
    }

    fn zone(&mut self) -> Option<()> {
        match self.0 {
            [b'Z'] => Some(()),
            [b'+' | b'-', hours @ .., b':', _, _] if hours.len() == 2 => {
                self.0 = &self.0[1..];
                let hours = self.digits(2, 2)?;
                self.literal(b':')?;
                let minutes = self.digits(2, 2)?;
                (hours <= 24 && minutes <= 60).then_some(())
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
    use super::is_timestamp;

    #[test]
    fn four_forms_are_timestamps_and_others_are_not() {
        for text in [
            "2001-12-14",
            "2001-1-2",
            "2024-02-29",
            "2001-12-14T21:59:43Z",
            "2001-12-14t21:59:43.10+05:00",
            "2001-12-14  1:9:3.5",
        ] {
            assert!(is_timestamp(text), "{text}");
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
