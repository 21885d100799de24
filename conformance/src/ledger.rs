//! The differences that are known: one a line, the check's name and why it differs.

use std::collections::BTreeMap;

/// Reads the ledger: names and reasons.
///
/// # Errors
/// The line that has no reason or a name twice.
pub fn parse(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut ledger = BTreeMap::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, reason) = line
            .split_once(char::is_whitespace)
            .ok_or_else(|| format!("ledger: `{line}` has no reason"))?;
        let before = ledger.insert(name.to_owned(), reason.trim().to_owned());
        if before.is_some() {
            return Err(format!("ledger: `{name}` stands there twice"));
        }
    }
    Ok(ledger)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn entry_needs_a_reason() {
        let ledger = parse("# known\n\na/b  because of this\n").unwrap();
        assert_eq!(ledger["a/b"], "because of this");
        assert!(parse("a/b").is_err());
        assert!(parse("a/b x\na/b y").is_err());
    }
}
