//! uids in sixteen bytes.

use std::fmt;

/// The uid of an object. Compared by value; a UUID takes no allocation.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uid(Repr);

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Repr {
    Uuid([u8; 16]),
    Text(Box<str>),
}

impl Uid {
    /// Reads a uid; anything that is no UUID in its usual form is kept as text.
    pub fn of(text: &str) -> Self {
        Self(uuid(text).map_or_else(|| Repr::Text(text.into()), Repr::Uuid))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        matches!(&self.0, Repr::Text(text) if text.is_empty())
    }
}

const DASHES: [usize; 4] = [8, 13, 18, 23];

fn uuid(text: &str) -> Option<[u8; 16]> {
    let bytes = text.as_bytes();
    if bytes.len() != 36 {
        return None;
    }
    let mut out = [0; 16];
    let mut digits = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if DASHES.contains(&at) {
            if byte != b'-' {
                return None;
            }
            continue;
        }
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None, // upper case would not be written back as it came
        };
        out[digits / 2] = out[digits / 2] << 4 | digit;
        digits += 1;
    }
    Some(out)
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Text(text) => f.write_str(text),
            Repr::Uuid(bytes) => {
                for (at, byte) in bytes.iter().enumerate() {
                    if matches!(at, 4 | 6 | 8 | 10) {
                        f.write_str("-")?;
                    }
                    write!(f, "{byte:02x}")?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uids_come_back_as_they_went_in() {
        for text in [
            "6a1c1b1e-2f3a-4b5c-8d9e-0f1a2b3c4d5e",
            "6A1C1B1E-2F3A-4B5C-8D9E-0F1A2B3C4D5E",
            "6a1c1b1e-2f3a-4b5c-8d9e-0f1a2b3c4d5",
            "no uuid",
            "",
        ] {
            assert_eq!(Uid::of(text).to_string(), text);
        }
        assert!(Uid::of("").is_empty());
    }
}
