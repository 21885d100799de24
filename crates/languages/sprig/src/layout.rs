//! Go's time layouts: `2006-01-02 15:04:05` as a way of saying how a time is written.
//! Writing by them is the engine's; this is for reading.

mod parse;

pub use parse::parse;
pub(crate) use parse::quote;

/// One element of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperPm,
    LowerPm,
    ZoneName,
    Zone(Zone),
    /// A fraction of a second: its separator, its digits, and whether zeros are trimmed.
    Fraction(u8, usize, bool),
}

/// How an offset is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Zone {
    /// `Z` stands for no offset.
    pub z: bool,
    pub colon: bool,
    pub minutes: bool,
    pub seconds: bool,
}

/// The shapes of offsets behind `-` or `Z`, the longer ones first.
const ZONES: [(&[u8], bool, bool, bool); 5] = [
    (b"070000", false, true, true),
    (b"07:00:00", true, true, true),
    (b"0700", false, true, false),
    (b"07:00", true, true, false),
    (b"07", false, false, false),
];

pub(crate) const MONTHS: [&str; 12] = [
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

pub(crate) const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// What stands before the next element, the element with its text, and what stands behind it.
pub(crate) struct Chunk<'l> {
    pub prefix: &'l [u8],
    pub element: Option<(Element, &'l [u8])>,
    pub suffix: &'l [u8],
}

/// Finds the next element of a layout.
pub(crate) fn next_chunk(layout: &[u8]) -> Chunk<'_> {
    for at in 0..layout.len() {
        if let Some((skip, len, element)) = element_at(&layout[at..]) {
            let start = at + skip;
            return Chunk {
                prefix: &layout[..start],
                element: Some((element, &layout[start..start + len])),
                suffix: &layout[start + len..],
            };
        }
    }
    Chunk {
        prefix: layout,
        element: None,
        suffix: b"",
    }
}

/// The element at the start of a text: bytes of plain text before it, its length, itself.
fn element_at(text: &[u8]) -> Option<(usize, usize, Element)> {
    let lower = |at: usize| text.get(at).is_some_and(u8::is_ascii_lowercase);
    let starts = |word: &[u8]| text.starts_with(word);
    let found = |len, element| Some((0, len, element));
    match text[0] {
        b'J' if starts(b"January") => found(7, Element::LongMonth),
        b'J' if starts(b"Jan") && !lower(3) => found(3, Element::Month),
        b'M' if starts(b"Monday") => found(6, Element::LongWeekday),
        b'M' if starts(b"Mon") && !lower(3) => found(3, Element::Weekday),
        b'M' if starts(b"MST") => found(3, Element::ZoneName),
        b'0' => match text.get(1)? {
            b'1' => found(2, Element::ZeroMonth),
            b'2' => found(2, Element::ZeroDay),
            b'3' => found(2, Element::ZeroHour12),
            b'4' => found(2, Element::ZeroMinute),
            b'5' => found(2, Element::ZeroSecond),
            b'6' => found(2, Element::Year),
            b'0' if starts(b"002") => found(3, Element::ZeroYearDay),
            _ => None,
        },
        b'1' if starts(b"15") => found(2, Element::Hour),
        b'1' => found(1, Element::NumMonth),
        b'2' if starts(b"2006") => found(4, Element::LongYear),
        b'2' => found(1, Element::Day),
        b'_' if starts(b"_2006") => Some((1, 4, Element::LongYear)),
        b'_' if starts(b"_2") => found(2, Element::UnderDay),
        b'_' if starts(b"__2") => found(3, Element::UnderYearDay),
        b'3' => found(1, Element::Hour12),
        b'4' => found(1, Element::Minute),
        b'5' => found(1, Element::Second),
        b'P' if starts(b"PM") => found(2, Element::UpperPm),
        b'p' if starts(b"pm") => found(2, Element::LowerPm),
        first @ (b'-' | b'Z') => {
            let (shape, colon, minutes, seconds) = ZONES
                .into_iter()
                .find(|(shape, ..)| text[1..].starts_with(shape))?;
            let zone = Zone {
                z: first == b'Z',
                colon,
                minutes,
                seconds,
            };
            found(1 + shape.len(), Element::Zone(zone))
        }
        separator @ (b'.' | b',') => {
            let digit = *text.get(1).filter(|d| matches!(d, b'0' | b'9'))?;
            let digits = text[1..].iter().take_while(|d| **d == digit).count();
            let ends = !text.get(1 + digits).is_some_and(u8::is_ascii_digit);
            let fraction = Element::Fraction(separator, digits, digit == b'9');
            if ends {
                found(1 + digits, fraction)
            } else {
                None
            }
        }
        _ => None,
    }
}
