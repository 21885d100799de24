//! `WWW-Authenticate`: what a registry wants before it answers.

/// What a registry asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// Name and password.
    Basic,
    /// A token of a service elsewhere.
    Bearer {
        realm: String,
        service: String,
        scope: String,
    },
}

impl Challenge {
    /// Reads the header; nothing where it asks for something that we do not have.
    pub(super) fn parse(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let (mut realm, mut service, mut scope) = (String::new(), String::new(), String::new());
        for (name, value) in parameters(rest) {
            match name.as_str() {
                "realm" => realm = value,
                "service" => service = value,
                "scope" => scope = value,
                _ => {}
            }
        }
        (!realm.is_empty()).then_some(Self::Bearer {
            realm,
            service,
            scope,
        })
    }
}

/// `name="value",name=value`; a backslash takes the next character as it is.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut letters = text.chars().peekable();
    loop {
        while letters
            .next_if(|c| *c == ',' || c.is_whitespace())
            .is_some()
        {}
        let mut name = String::new();
        while let Some(c) = letters.next_if(|c| *c != '=' && *c != ',') {
            name.push(c.to_ascii_lowercase());
        }
        if letters.next_if(|c| *c == '=').is_none() {
            if letters.peek().is_none() {
                return found;
            }
            continue;
        }
        let mut value = String::new();
        if letters.next_if(|c| *c == '"').is_some() {
            while let Some(c) = letters.next() {
                match c {
                    '"' => break,
                    '\\' => value.extend(letters.next()),
                    c => value.push(c),
                }
            }
        } else {
            while let Some(c) = letters.next_if(|c| *c != ',' && !c.is_whitespace()) {
                value.push(c);
            }
        }
        found.push((name.trim().to_owned(), value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_with_commas_inside_quotes() {
        let header = "Bearer realm=\"https://auth.example/token\",service=registry.example, \
                      scope=\"repository:a/b:pull,push\",x";
        assert_eq!(
            Challenge::parse(header),
            Some(Challenge::Bearer {
                realm: "https://auth.example/token".into(),
                service: "registry.example".into(),
                scope: "repository:a/b:pull,push".into(),
            })
        );
        assert_eq!(
            Challenge::parse("basic realm=\"x\""),
            Some(Challenge::Basic)
        );
        assert_eq!(Challenge::parse("Bearer service=x"), None);
        assert_eq!(Challenge::parse("Negotiate"), None);
        assert_eq!(
            Challenge::parse("Bearer realm=\"unended"),
            Some(Challenge::Bearer {
                realm: "unended".into(),
                service: String::new(),
                scope: String::new(),
            })
        );
    }
}
