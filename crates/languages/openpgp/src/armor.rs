//! ASCII armor: packets as text between two lines.

use crate::PgpError;
use base64::Engine as _;

/// Longest body that is decoded.
const MAX_BODY: usize = 16 << 20;
/// Letters of a line.
const LINE: usize = 64;

/// The packets of every block of a kind (`PUBLIC KEY BLOCK`), one after another.
pub(crate) fn decode(text: &str, kind: &str) -> Result<Vec<u8>, PgpError> {
    let (begin, end) = (
        format!("-----BEGIN PGP {kind}-----"),
        format!("-----END PGP {kind}-----"),
    );
    let mut packets = Vec::new();
    let mut lines = text.lines().map(str::trim_end);
    while lines.by_ref().any(|line| line == begin) {
        // Headers end with an empty line.
        let mut body = String::new();
        let mut is_body = false;
        let mut is_ended = false;
        for line in lines.by_ref() {
            if line == end {
                is_ended = true;
                break;
            }
            if !is_body {
                is_body = line.is_empty();
                if !line.is_empty() && !line.contains(": ") {
                    return Err(PgpError::Invalid("armor header without a colon"));
                }
            } else if !line.starts_with('=') && body.len() < MAX_BODY {
                // A line that starts with `=` is a checksum, which protects nothing.
                body.push_str(line);
            }
        }
        if !is_ended {
            return Err(PgpError::Invalid("armor without an end"));
        }
        let block = base64::engine::general_purpose::STANDARD
            .decode(body.as_bytes())
            .map_err(|_| PgpError::Invalid("armor that is no base64"))?;
        packets.extend(block);
    }
    Ok(packets)
}

/// Packets as a block of a kind. Compat: without a checksum, as helm's library writes it.
pub(crate) fn encode(packets: &[u8], kind: &str) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(packets);
    let mut out = format!("-----BEGIN PGP {kind}-----\n\n");
    for (at, letter) in text.chars().enumerate() {
        if at > 0 && at % LINE == 0 {
            out.push('\n');
        }
        out.push(letter);
    }
    out.push_str(&format!("\n-----END PGP {kind}-----"));
    out
}
