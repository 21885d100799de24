//! Paths with slashes. The `os` twins are the same: we run where paths have slashes.

use crate::args::{string, text};
use argosy_gotmpl::{FuncTable, Value};

pub(crate) fn add(table: FuncTable) -> FuncTable {
    ["", "os"].into_iter().fold(table, |table, prefix| {
        let name = |plain: &str| match prefix {
            "" => plain.to_owned(),
            _ => format!("{prefix}{}{}", plain[..1].to_uppercase(), &plain[1..]),
        };
        table
            .with_typed(&name("base"), "string", |_, a| {
                string(base(text(a, 0)).to_vec())
            })
            .with_typed(&name("dir"), "string", |_, a| string(dir(text(a, 0))))
            .with_typed(&name("clean"), "string", |_, a| string(clean(text(a, 0))))
            .with_typed(&name("ext"), "string", |_, a| {
                string(ext(text(a, 0)).to_vec())
            })
            .with_typed(&name("isAbs"), "string", |_, a| {
                Ok(Value::Bool(text(a, 0).starts_with(b"/")))
            })
    })
}

/// `path.Base`.
fn base(path: &[u8]) -> &[u8] {
    if path.is_empty() {
        return b".";
    }
    let end = path.iter().rposition(|b| *b != b'/').map_or(0, |at| at + 1);
    let trimmed = &path[..end];
    let start = trimmed
        .iter()
        .rposition(|b| *b == b'/')
        .map_or(0, |at| at + 1);
    if trimmed.is_empty() {
        b"/"
    } else {
        &trimmed[start..]
    }
}

/// `path.Dir`.
fn dir(path: &[u8]) -> Vec<u8> {
    let end = path.iter().rposition(|b| *b == b'/').map_or(0, |at| at + 1);
    clean(&path[..end])
}

/// `path.Ext`.
fn ext(path: &[u8]) -> &[u8] {
    match path.iter().rposition(|b| matches!(b, b'.' | b'/')) {
        Some(at) if path[at] == b'.' => &path[at..],
        _ => b"",
    }
}

/// `path.Clean`.
fn clean(path: &[u8]) -> Vec<u8> {
    let rooted = path.starts_with(b"/");
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|b| *b == b'/') {
        match part {
            b"" | b"." => {}
            b".." => match parts.last() {
                Some(last) if *last != b".." => drop(parts.pop()),
                _ if rooted => {}
                _ => parts.push(part),
            },
            _ => parts.push(part),
        }
    }
    let joined = parts.join(&b'/');
    match (rooted, joined.is_empty()) {
        (true, _) => [b"/", &joined[..]].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => joined,
    }
}
