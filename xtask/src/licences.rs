//! The licences of everything behind the workspace, judged without cargo-deny, which few have.
//!
//! `deny.toml` holds the same list for those who do; a test keeps the two equal.

use crate::workspace;
use anyhow::Context as _;
use serde_json::Value;

/// Licences under which a crate may be used.
const ALLOWED: [&str; 10] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Zlib",
];

/// Crates with another licence, and why that is well.
const EXCEPTIONS: [(&str, &str, &str); 1] = [(
    "uluru",
    "MPL-2.0",
    "copyleft of its own files only, used unchanged: a cache inside gix",
)];

/// Every crate whose licence does not allow its use.
///
/// # Errors
/// Where Cargo's metadata cannot be read.
pub fn faults() -> anyhow::Result<Vec<String>> {
    let host = workspace::host()?;
    let text = workspace::cargo(&[
        "metadata",
        "--format-version",
        "1",
        "--offline",
        "--filter-platform",
        &host,
    ])?;
    let metadata: Value = serde_json::from_str(&text).context("reading cargo's metadata")?;
    let packages = metadata["packages"]
        .as_array()
        .context("metadata without packages")?;
    Ok(packages.iter().filter_map(fault).collect())
}

fn fault(package: &Value) -> Option<String> {
    let name = package["name"].as_str().unwrap_or_default();
    let licence = package["license"].as_str().unwrap_or_default();
    let is_exception = EXCEPTIONS
        .iter()
        .any(|(of, granted, _)| *of == name && *granted == licence);
    (!is_exception && !is_allowed(licence)).then(|| format!("`{name}` has the licence `{licence}`"))
}

/// Judges an SPDX expression; `/` is the `OR` of old manifests.
fn is_allowed(expression: &str) -> bool {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    !tokens.is_empty() && any(&tokens, &mut at) && at == tokens.len()
}

fn any(tokens: &[&str], at: &mut usize) -> bool {
    let mut is_allowed = all(tokens, at);
    while tokens.get(*at) == Some(&"OR") {
        *at += 1;
        is_allowed |= all(tokens, at);
    }
    is_allowed
}

fn all(tokens: &[&str], at: &mut usize) -> bool {
    let mut is_allowed = one(tokens, at);
    while tokens.get(*at) == Some(&"AND") {
        *at += 1;
        is_allowed &= one(tokens, at);
    }
    is_allowed
}

fn one(tokens: &[&str], at: &mut usize) -> bool {
    let Some(token) = tokens.get(*at) else {
        return false;
    };
    *at += 1;
    if *token == "(" {
        let is_allowed = any(tokens, at);
        *at += 1; // the closing one, or the end, which `is_allowed` notices
        return is_allowed;
    }
    if tokens.get(*at) == Some(&"WITH") {
        let exception = tokens.get(*at + 1).copied().unwrap_or_default();
        *at += 2;
        return ALLOWED.contains(&format!("{token} WITH {exception}").as_str());
    }
    ALLOWED.contains(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crate_may_be_used() {
        let faults = faults().unwrap();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    #[test]
    fn expressions_are_judged_as_spdx_has_them() {
        for good in [
            "MIT",
            "GPL-3.0 OR MIT",
            "MIT/Apache-2.0",
            "ISC AND (Apache-2.0 OR GPL-2.0)",
            "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
        ] {
            assert!(is_allowed(good), "{good}");
        }
        for bad in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "(MIT OR ISC) AND AGPL-3.0",
            "MIT WITH x",
            "(MIT",
        ] {
            assert!(!is_allowed(bad), "{bad}");
        }
    }

    #[test]
    fn deny_toml_names_the_same() {
        let text = std::fs::read_to_string(workspace::root().join("deny.toml")).unwrap();
        let list = text
            .split("\nallow = [")
            .nth(1)
            .and_then(|rest| rest.split(']').next())
            .unwrap();
        let named: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
        assert_eq!(named, ALLOWED);
        for (name, licence, _) in EXCEPTIONS {
            assert!(
                text.contains(&format!("crate = \"{name}\", allow = [\"{licence}\"]")),
                "{name}"
            );
        }
    }
}
