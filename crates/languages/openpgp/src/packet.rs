//! Packets: a tag, a length and a body.

use crate::PgpError;

/// A packet's tag and body.
pub(crate) struct Packet<'p> {
    pub tag: u8,
    pub body: &'p [u8],
}

/// Reads bytes one piece after another.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'c>(pub &'c [u8]);

impl<'c> Cursor<'c> {
    pub(crate) fn take(&mut self, count: usize) -> Result<&'c [u8], PgpError> {
        if count > self.0.len() {
            return Err(PgpError::Invalid("a packet that ends too early"));
        }
        let (head, rest) = self.0.split_at(count);
        self.0 = rest;
        Ok(head)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, PgpError> {
        Ok(self.take(1)?[0])
    }

    pub(crate) fn number(&mut self, bytes: usize) -> Result<usize, PgpError> {
        let bytes = self.take(bytes)?;
        Ok(bytes
            .iter()
            .fold(0, |value, byte| value << 8 | usize::from(*byte)))
    }

    /// A number of arbitrary size, without leading zeros.
    pub(crate) fn mpi(&mut self) -> Result<&'c [u8], PgpError> {
        let bits = self.number(2)?;
        self.take(bits.div_ceil(8))
    }
}

/// The next packet; nothing at the end. Bodies in parts are not taken: keys and signatures never
/// come so.
pub(crate) fn next<'p>(cursor: &mut Cursor<'p>) -> Result<Option<Packet<'p>>, PgpError> {
    if cursor.0.is_empty() {
        return Ok(None);
    }
    let head = cursor.byte()?;
    if head & 0x80 == 0 {
        return Err(PgpError::Invalid("tag byte does not have MSB set"));
    }
    let (tag, length) = if head & 0x40 == 0 {
        let length = match head & 3 {
            0 => cursor.number(1)?,
            1 => cursor.number(2)?,
            2 => cursor.number(4)?,
            _ => cursor.0.len(),
        };
        ((head >> 2) & 0xf, length)
    } else {
        let length = match cursor.byte()? {
            short @ 0..=191 => usize::from(short),
            first @ 192..=223 => {
                ((usize::from(first) - 192) << 8) + usize::from(cursor.byte()?) + 192
            }
            255 => cursor.number(4)?,
            _ => return Err(PgpError::Invalid("a packet in parts")),
        };
        (head & 0x3f, length)
    };
    Ok(Some(Packet {
        tag,
        body: cursor.take(length)?,
    }))
}
