//! Tar archives read into paths and contents, bounded, and never out of their root.

use argosy_tree::{Mode, RelPath};
use bytes::Bytes;
use std::io::Read;

const BLOCK: usize = 512;
/// Longest name of an extended header.
const MAX_NAME: u64 = 64 << 10;

/// What an archive may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TarLimits {
    /// Bytes of all files together.
    pub bytes: u64,
    /// Entries of all kinds.
    pub entries: usize,
}

/// Why an archive is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TarError {
    /// It is cut off, or no archive.
    #[error("the archive is broken: {0}")]
    Broken(String),
    /// A name that leads out of the archive, or an entry that is neither file, folder nor link.
    #[error("the archive holds `{name}`, {why}")]
    Refused {
        /// The entry.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// It is larger than the limits.
    #[error("the archive holds more than {0}")]
    Limit(String),
}

/// Reads all files and symbolic links of an archive; of two equal names the last one counts.
///
/// # Errors
/// [`TarError`]; nothing of the archive is returned then.
pub(crate) fn untar(
    mut from: impl Read,
    limits: TarLimits,
) -> Result<Vec<(RelPath, (Mode, Bytes))>, TarError> {
    let mut found = Vec::new();
    let (mut left, mut entries) = (limits.bytes, 0);
    let (mut long_name, mut long_link) = (None, None);
    while let Some(header) = header(&mut from)? {
        entries += 1;
        if entries > limits.entries {
            return Err(TarError::Limit(format!("{} entries", limits.entries)));
        }
        let is_extension = matches!(header.kind, b'L' | b'K' | b'x' | b'g');
        let most = if is_extension {
            MAX_NAME.min(left)
        } else {
            left
        };
        if header.size > most {
            return Err(TarError::Limit(format!("{} bytes", limits.bytes)));
        }
        left -= header.size;
        let body = body(&mut from, header.size)?;
        match header.kind {
            b'L' => long_name = Some(text(&body)),
            b'K' => long_link = Some(text(&body)),
            b'x' => {
                long_name = record(&body, "path").or(long_name);
                long_link = record(&body, "linkpath").or(long_link);
            }
            b'g' => {}
            kind => {
                let name = long_name.take().unwrap_or(header.name);
                let link = long_link.take().unwrap_or(header.link);
                let refuse = |why| TarError::Refused {
                    name: name.clone(),
                    why,
                };
                let entry = match kind {
                    b'5' => continue,
                    b'0' | 0 | b'7' if header.is_executable => (Mode::Executable, body.into()),
                    b'0' | 0 | b'7' => (Mode::File, body.into()),
                    b'2' => (Mode::Link, Bytes::from(link)),
                    _ => return Err(refuse("which is neither a file, a folder nor a link")),
                };
                if name.starts_with('/') {
                    return Err(refuse("whose name is absolute"));
                }
                let path = RelPath::new(&name).map_err(|_| refuse("whose name leads out of it"))?;
                found.push((path, entry));
            }
        }
    }
    Ok(found)
}

struct Header {
    name: String,
    link: String,
    size: u64,
    kind: u8,
    is_executable: bool,
}

fn header(from: &mut impl Read) -> Result<Option<Header>, TarError> {
    let broken = |why: &str| TarError::Broken(why.to_owned());
    let mut block = [0; BLOCK];
    let mut filled = 0;
    while filled < BLOCK {
        match from.read(&mut block[filled..]) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(broken("it ends in a header")),
            Ok(count) => filled += count,
            Err(error) => return Err(TarError::Broken(error.to_string())),
        }
    }
    if block.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let sum: u64 = block
        .iter()
        .enumerate()
        .map(|(at, byte)| {
            if (148..156).contains(&at) {
                32
            } else {
                u64::from(*byte)
            }
        })
        .sum();
    if number(&block[148..156]) != Some(sum) {
        return Err(broken("a header's sum is wrong"));
    }
    let (name, prefix) = (text(&block[..100]), text(&block[345..500]));
    let has_prefix = &block[257..263] == b"ustar\0" && !prefix.is_empty();
    Ok(Some(Header {
        name: if has_prefix {
            format!("{prefix}/{name}")
        } else {
            name
        },
        link: text(&block[157..257]),
        size: number(&block[124..136]).ok_or_else(|| broken("a size is no number"))?,
        kind: block[156],
        is_executable: number(&block[100..108]).is_some_and(|mode| mode & 0o100 != 0),
    }))
}

fn body(from: &mut impl Read, size: u64) -> Result<Vec<u8>, TarError> {
    let padded = size.div_ceil(BLOCK as u64) * BLOCK as u64;
    let mut data = Vec::new();
    from.take(padded)
        .read_to_end(&mut data)
        .map_err(|error| TarError::Broken(error.to_string()))?;
    if (data.len() as u64) < size {
        return Err(TarError::Broken("it ends in a file".to_owned()));
    }
    data.truncate(size as usize);
    Ok(data)
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
    let text = text(field);
    let digits = text.trim();
    if digits.is_empty() {
        Some(0)
    } else {
        u64::from_str_radix(digits, 8).ok()
    }
}

fn text(field: &[u8]) -> String {
    let end = field.iter().position(|byte| *byte == 0);
    String::from_utf8_lossy(&field[..end.unwrap_or(field.len())]).into_owned()
}

/// A record of an extended header (`LENGTH NAME=VALUE\n`).
fn record(records: &[u8], name: &str) -> Option<String> {
    let mut rest = records;
    while !rest.is_empty() {
        let space = rest.iter().position(|byte| *byte == b' ')?;
        let length: usize = std::str::from_utf8(&rest[..space]).ok()?.parse().ok()?;
        let record = rest.get(space + 1..length)?;
        let value = record
            .strip_prefix(name.as_bytes())
            .and_then(|value| value.strip_prefix(b"="));
        if let Some(value) = value {
            return Some(String::from_utf8_lossy(value.strip_suffix(b"\n")?).into_owned());
        }
        rest = &rest[length..];
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: TarLimits = TarLimits {
        bytes: 4096,
        entries: 8,
    };

    fn entry(name: &str, kind: u8, data: &[u8], link: &str) -> Vec<u8> {
        let mut block = [0_u8; BLOCK];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[100..107].copy_from_slice(b"0000644");
        block[124..135].copy_from_slice(format!("{:011o}", data.len()).as_bytes());
        block[148..156].copy_from_slice(b"        ");
        block[156] = kind;
        block[157..157 + link.len()].copy_from_slice(link.as_bytes());
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        let mut out = block.to_vec();
        out.extend(data);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
        out
    }

    fn names(archive: &[u8]) -> Result<Vec<String>, TarError> {
        let found = untar(archive, LIMITS)?;
        Ok(found.iter().map(|(path, _)| path.to_string()).collect())
    }

    #[test]
    fn files_links_and_long_names_are_read() {
        let long = format!("{}/x", "d".repeat(150));
        let pax = format!("{} path={long}\n", long.len() + 10);
        let archive = [
            entry("./a/", b'5', b"", ""),
            entry("./a/b.yaml", b'0', b"text", ""),
            entry("link", b'2', b"", "a/b.yaml"),
            entry("././@LongLink", b'L', long.as_bytes(), ""),
            entry("cut", b'0', b"1", ""),
            entry("pax", b'x', pax.as_bytes(), ""),
            entry("cut", b'0', b"2", ""),
            vec![0; 1024],
        ]
        .concat();
        assert_eq!(
            names(&archive).expect("it reads"),
            ["a/b.yaml", "link", &long, &long]
        );
        let found = untar(&archive[..], LIMITS).expect("it reads");
        assert_eq!(found[0].1, (Mode::File, Bytes::from_static(b"text")));
        assert_eq!(found[1].1, (Mode::Link, Bytes::from_static(b"a/b.yaml")));
    }

    #[test]
    fn what_leads_out_or_is_too_much_is_refused() {
        for (name, kind) in [
            ("../x", b'0'),
            ("/etc/x", b'0'),
            ("a/../../x", b'0'),
            ("x", b'1'),
            ("x", b'3'),
        ] {
            let error = names(&entry(name, kind, b"", "y")).expect_err("refused");
            assert!(matches!(error, TarError::Refused { .. }), "{name}: {error}");
        }
        let large = entry("x", b'0', &[0; 4097], "");
        assert!(matches!(names(&large), Err(TarError::Limit(_))));
        let many = entry("x", b'0', b"", "").repeat(9);
        assert!(matches!(names(&many), Err(TarError::Limit(_))));
        let cut = &entry("x", b'0', b"12345", "")[..515];
        assert!(matches!(names(cut), Err(TarError::Broken(_))));
        assert!(matches!(names(&[b'x'; 512]), Err(TarError::Broken(_))));
    }
}
