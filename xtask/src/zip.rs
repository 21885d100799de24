//! As much of the ZIP format as it takes to read one member of an archive.
//!
//! A task must not need `unzip` or Python, and a dependency for one file is too much.

use anyhow::{Context as _, bail, ensure};
use std::io::Read as _;

const END_OF_DIRECTORY: &[u8] = b"PK\x05\x06";
const DIRECTORY_ENTRY: &[u8] = b"PK\x01\x02";
const LOCAL_HEADER: &[u8] = b"PK\x03\x04";

/// The bytes of the member `name`, which may be `max` bytes long.
///
/// # Errors
/// Where the archive is damaged, is a ZIP64 one, or has no such member.
pub fn member(archive: &[u8], name: &str, max: u64) -> anyhow::Result<Vec<u8>> {
    let end = archive
        .windows(4)
        .rposition(|window| window == END_OF_DIRECTORY)
        .context("no ZIP archive: the end record is missing")?;
    let count = u16_at(archive, end + 10)?;
    let mut at = u32_at(archive, end + 16)? as usize;
    for _ in 0..count {
        ensure!(
            bytes_at(archive, at, 4)? == DIRECTORY_ENTRY,
            "damaged ZIP directory"
        );
        let name_length = usize::from(u16_at(archive, at + 28)?);
        let tail = usize::from(u16_at(archive, at + 30)?) + usize::from(u16_at(archive, at + 32)?);
        if bytes_at(archive, at + 46, name_length)? == name.as_bytes() {
            return unpack(archive, at, max);
        }
        at += 46 + name_length + tail;
    }
    bail!("no member `{name}` in the ZIP archive")
}

fn unpack(archive: &[u8], entry: usize, max: u64) -> anyhow::Result<Vec<u8>> {
    let method = u16_at(archive, entry + 10)?;
    let packed_length = u32_at(archive, entry + 20)? as usize;
    let length = u64::from(u32_at(archive, entry + 24)?);
    let local = u32_at(archive, entry + 42)? as usize;
    ensure!(
        length <= max,
        "the member is {length} bytes, more than {max}"
    );
    ensure!(
        bytes_at(archive, local, 4)? == LOCAL_HEADER,
        "damaged ZIP header"
    );
    let skip =
        usize::from(u16_at(archive, local + 26)?) + usize::from(u16_at(archive, local + 28)?);
    let packed = bytes_at(archive, local + 30 + skip, packed_length)?;
    let mut bytes = Vec::new();
    match method {
        0 => bytes.extend_from_slice(packed),
        8 => {
            flate2::read::DeflateDecoder::new(packed)
                .take(max + 1)
                .read_to_end(&mut bytes)?;
        }
        other => bail!("ZIP method {other} is not supported"),
    }
    ensure!(
        bytes.len() as u64 == length,
        "the member's length is not what the archive says"
    );
    Ok(bytes)
}

fn bytes_at(archive: &[u8], at: usize, length: usize) -> anyhow::Result<&[u8]> {
    at.checked_add(length)
        .and_then(|end| archive.get(at..end))
        .context("truncated ZIP archive")
}

fn u16_at(archive: &[u8], at: usize) -> anyhow::Result<u16> {
    let bytes = bytes_at(archive, at, 2)?;
    Ok(u16::from_le_bytes([bytes[0], bytes[1]]))
}

fn u32_at(archive: &[u8], at: usize) -> anyhow::Result<u32> {
    let bytes = bytes_at(archive, at, 4)?;
    Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    /// An archive of one member, written by hand.
    fn archive(name: &str, method: u16, packed: &[u8], length: u32) -> Vec<u8> {
        let name_length = (name.len() as u16).to_le_bytes();
        let mut out = Vec::new();
        out.extend(LOCAL_HEADER);
        out.extend([0; 22]);
        out.extend(name_length);
        out.extend([0; 2]);
        out.extend(name.as_bytes());
        out.extend(packed);
        let directory = out.len() as u32;
        out.extend(DIRECTORY_ENTRY);
        out.extend([0; 6]);
        out.extend(method.to_le_bytes());
        out.extend([0; 8]);
        out.extend((packed.len() as u32).to_le_bytes());
        out.extend(length.to_le_bytes());
        out.extend(name_length);
        out.extend([0; 16]);
        out.extend(name.as_bytes());
        out.extend(END_OF_DIRECTORY);
        out.extend([0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0]);
        out.extend(directory.to_le_bytes());
        out.extend([0; 2]);
        out
    }

    #[test]
    fn deflated_member_is_read() {
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(b"hello hello hello").unwrap();
        let archive = archive("a/b", 8, &encoder.finish().unwrap(), 17);
        assert_eq!(member(&archive, "a/b", 100).unwrap(), b"hello hello hello");
    }

    #[test]
    fn missing_oversized_and_truncated_members_are_errors() {
        let whole = archive("a", 0, b"hello", 5);
        assert_eq!(member(&whole, "a", 5).unwrap(), b"hello");
        assert!(
            member(&whole, "b", 5)
                .unwrap_err()
                .to_string()
                .contains("no member `b`")
        );
        assert!(
            member(&whole, "a", 4)
                .unwrap_err()
                .to_string()
                .contains("more than 4")
        );
        // The last two bytes are the length of a comment that nobody reads.
        for length in 0..whole.len() - 2 {
            assert!(member(&whole[..length], "a", 5).is_err());
        }
    }
}
