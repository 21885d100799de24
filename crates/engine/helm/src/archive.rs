//! Chart archives: a gzipped tar, unpacked in memory within limits.

use std::io::Read;

use bytes::Bytes;
use flate2::read::GzDecoder;

use crate::chart::File;
use crate::error::HelmError;

/// All files of a chart together, unpacked.
pub(crate) const MAX_CHART_BYTES: u64 = 100 << 20;
/// One file of a chart.
pub(crate) const MAX_FILE_BYTES: u64 = 5 << 20;
/// Files in one archive. Compat: Helm has no such limit.
const MAX_FILES: usize = 20_000;

const BLOCK: usize = 512;

fn refused(text: impl Into<String>) -> HelmError {
    HelmError::Chart(text.into())
}

/// Unpacks an archive into files named from the chart's folder.
///
/// # Errors
/// Broken archives, names that leave the chart, and sizes beyond Helm's limits.
pub(crate) fn unpack(packed: &[u8]) -> Result<Vec<File>, HelmError> {
    // The headers of the tar are not in Helm's sum; they are bounded by the number of files.
    let most = MAX_CHART_BYTES + (MAX_FILES * 4 * BLOCK) as u64;
    let mut reader = GzDecoder::new(packed).take(most);
    let mut files = Vec::new();
    let mut left = MAX_CHART_BYTES;
    let mut long_name = None;
    while let Some(header) = Header::read(&mut reader)? {
        if header.size > MAX_FILE_BYTES || header.size > left {
            return Err(too_large(&header, left));
        }
        let body = body(&mut reader, header.size)?;
        match header.kind {
            b'L' => long_name = Some(text_of(&body)),
            b'x' => long_name = pax_path(&body).or(long_name),
            b'g' | b'5' => long_name = None,
            b'0' | 0 | b'7' => {
                let name = long_name.take().unwrap_or(header.name);
                if name.ends_with('/') {
                    continue;
                }
                left -= header.size;
                if left == 0 || files.len() >= MAX_FILES {
                    return Err(refused(format!(
                        "decompressed chart is larger than the maximum size {MAX_CHART_BYTES}"
                    )));
                }
                files.push(File {
                    name: inner_name(&name)?,
                    data: without_bom(body),
                });
            }
            // Links and devices carry nothing: to Helm they are empty files.
            _ => {
                let name = long_name.take().unwrap_or(header.name);
                files.push(File {
                    name: inner_name(&name)?,
                    data: Bytes::new(),
                });
            }
        }
    }
    if files.is_empty() {
        return Err(refused("no files in chart archive"));
    }
    Ok(files)
}

fn too_large(header: &Header, left: u64) -> HelmError {
    if header.size > left {
        let limit = MAX_CHART_BYTES;
        return refused(format!(
            "decompressed chart is larger than the maximum size {limit}"
        ));
    }
    let (name, limit) = (&header.name, MAX_FILE_BYTES);
    refused(format!(
        "decompressed chart file {name:?} is larger than the maximum file size {limit}"
    ))
}

/// The file's content without a byte-order mark.
pub(crate) fn without_bom(data: Vec<u8>) -> Bytes {
    let data = Bytes::from(data);
    if data.starts_with(&[0xef, 0xbb, 0xbf]) {
        data.slice(3..)
    } else {
        data
    }
}

/// The name below the archive's top folder, which must stay inside of it.
fn inner_name(name: &str) -> Result<String, HelmError> {
    let delimiter = if name.contains('\\') { '\\' } else { '/' };
    let (top, inner) = name.split_once(delimiter).unwrap_or((name, ""));
    let inner = inner.replace(delimiter, "/");
    if inner.starts_with('/') {
        return Err(refused("chart illegally contains absolute paths"));
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in inner.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.pop().is_none() {
                    return Err(refused("chart illegally references parent directory"));
                }
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() {
        let text = "chart illegally contains content outside the base directory";
        return Err(refused(format!("{text}: {name:?}")));
    }
    let clean = parts.join("/");
    let drive = clean.as_bytes();
    if drive.len() > 2 && drive[0].is_ascii_alphabetic() && &drive[1..3] == b":/" {
        return Err(refused("chart contains illegally named files"));
    }
    if clean.starts_with("..") {
        return Err(refused("chart illegally references parent directory"));
    }
    if top == "Chart.yaml" {
        return Err(refused("chart yaml not in base directory"));
    }
    Ok(clean)
}

struct Header {
    name: String,
    size: u64,
    kind: u8,
}

impl Header {
    /// The next header, or `None` at the end of the archive.
    fn read(reader: &mut impl Read) -> Result<Option<Self>, HelmError> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            match reader.read(&mut block[filled..]) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => return Err(refused("unexpected EOF")),
                Ok(count) => filled += count,
                Err(error) => return Err(refused(format!("gzip: {error}"))),
            }
        }
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let sum = block.iter().enumerate().map(|(index, byte)| {
            u64::from(if (148..156).contains(&index) {
                b' '
            } else {
                *byte
            })
        });
        if number(&block[148..156]) != Some(sum.sum()) {
            return Err(refused("archive/tar: invalid tar header"));
        }
        let name = text_of(&block[..100]);
        let prefix = text_of(&block[345..500]);
        let is_ustar = &block[257..262] == b"ustar" && block[262] == 0;
        let size =
            number(&block[124..136]).ok_or_else(|| refused("archive/tar: invalid tar header"))?;
        Ok(Some(Self {
            name: if is_ustar && !prefix.is_empty() {
                format!("{prefix}/{name}")
            } else {
                name
            },
            size,
            kind: block[156],
        }))
    }
}

/// A number in octal, or in base 256 where its first bit is set.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        return field[1..]
            .iter()
            .try_fold(u64::from(field[0] & 0x7f), |value, byte| {
                value.checked_mul(256)?.checked_add(u64::from(*byte))
            });
    }
    let text = text_of(field);
    let digits = text.trim();
    if digits.is_empty() {
        Some(0)
    } else {
        u64::from_str_radix(digits, 8).ok()
    }
}

fn text_of(field: &[u8]) -> String {
    let end = field
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).into_owned()
}

fn body(reader: &mut impl Read, size: u64) -> Result<Vec<u8>, HelmError> {
    let padded = size.div_ceil(BLOCK as u64) * BLOCK as u64;
    let mut data = Vec::new();
    reader
        .take(padded)
        .read_to_end(&mut data)
        .map_err(|error| refused(format!("gzip: {error}")))?;
    if (data.len() as u64) < size {
        return Err(refused("unexpected EOF"));
    }
    data.truncate(size as usize);
    Ok(data)
}

/// The `path` record of an extended header (`LENGTH path=NAME\n`).
fn pax_path(records: &[u8]) -> Option<String> {
    let mut rest = records;
    while !rest.is_empty() {
        let space = rest.iter().position(|byte| *byte == b' ')?;
        let length: usize = std::str::from_utf8(&rest[..space]).ok()?.parse().ok()?;
        let record = rest.get(space + 1..length)?;
        if let Some(path) = record.strip_prefix(b"path=") {
            return Some(String::from_utf8_lossy(path.strip_suffix(b"\n")?).into_owned());
        }
        rest = &rest[length..];
    }
    None
}
