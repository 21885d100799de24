//! What would look outside of the process. A render may not depend on the machine it runs on, so
//! these find nothing: no variable is set, no name resolves.

use crate::args::{string, text};
use argosy_gotmpl::{FuncError, FuncTable};

pub(crate) fn add(table: FuncTable) -> FuncTable {
    table
        .with_typed("env", "string", |_, _| string(""))
        .with_typed("expandenv", "string", |_, a| {
            string(without_variables(text(a, 0)))
        })
        .with_typed("getHostByName", "string", |_, _| {
            Err(FuncError::new("names are not looked up while rendering"))
        })
}

/// `os.ExpandEnv` where no variable is set.
fn without_variables(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(dollar) = rest.iter().position(|b| *b == b'$') {
        if dollar + 1 >= rest.len() {
            break;
        }
        out.extend_from_slice(&rest[..dollar]);
        rest = &rest[dollar..];
        let len = match rest[1] {
            b'{' => match rest.iter().position(|b| *b == b'}') {
                Some(end) => end + 1,
                None => 2,
            },
            b'*' | b'#' | b'$' | b'@' | b'!' | b'?' | b'-' | b'0'..=b'9' => 2,
            _ => {
                1 + rest[1..]
                    .iter()
                    .take_while(|b| b.is_ascii_alphanumeric() || **b == b'_')
                    .count()
            }
        };
        if len == 1 {
            // A dollar that nothing follows stays.
            out.push(b'$');
        }
        rest = &rest[len..];
    }
    out.extend_from_slice(rest);
    out
}
