//! Patterns of paths, as Go's `path.Match` has them.

/// A pattern: `*`, `?`, `[a-z]`, `[^a]`, and a backslash before what is meant as it is.
pub(crate) struct Pattern(String);

impl Pattern {
    /// Nothing where the text is no pattern.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            match c {
                '\\' => {
                    rest.next()?;
                }
                '[' => {
                    set(&mut rest, '\0')?;
                }
                _ => {}
            }
        }
        Some(Self(text.to_owned()))
    }

    /// Whether it fits the whole of a path; whether `*` and `?` cross slashes is `crosses`.
    pub(crate) fn fits(&self, path: &str, crosses: bool) -> bool {
        // Where the last `*` stands, and up to where it has eaten.
        let mut star: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
        let (mut wanted, mut have) = (self.0.chars(), path.chars());
        loop {
            let (mut next, mut left) = (wanted.clone(), have.clone());
            let step = match (next.next(), left.next()) {
                (None, None) => return true,
                (Some('*'), _) => {
                    star = Some((next.clone(), have.clone()));
                    wanted = next;
                    continue;
                }
                (Some('?'), Some(c)) => crosses || c != '/',
                (Some('['), Some(c)) => set(&mut next, c).unwrap_or(false),
                (Some('\\'), Some(c)) => next.next() == Some(c),
                (Some(p), Some(c)) => p == c,
                _ => false,
            };
            if step {
                (wanted, have) = (next, left);
                continue;
            }
            let Some((after, mut eaten)) = star.take() else {
                return false;
            };
            match eaten.next() {
                None => return false,
                Some('/') if !crosses => return false,
                Some(_) => {
                    (wanted, have) = (after.clone(), eaten.clone());
                    star = Some((after, eaten));
                }
            }
        }
    }
}

/// Reads `[…]` behind its opening; whether it has the character. Nothing where it is broken.
fn set(rest: &mut std::str::Chars<'_>, wanted: char) -> Option<bool> {
    let negated = rest.as_str().starts_with('^');
    if negated {
        rest.next();
    }
    let mut found = false;
    let mut first = true;
    loop {
        let one = |rest: &mut std::str::Chars<'_>| match rest.next()? {
            '\\' => rest.next(),
            '-' | ']' => None,
            c => Some(c),
        };
        if !first && rest.as_str().starts_with(']') {
            rest.next();
            return Some(found != negated);
        }
        first = false;
        let low = one(rest)?;
        let mut high = low;
        if rest.as_str().starts_with('-') {
            rest.next();
            high = one(rest)?;
        }
        found |= (low..=high).contains(&wanted);
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    fn fits(pattern: &str, path: &str) -> bool {
        Pattern::parse(pattern).unwrap().fits(path, false)
    }

    #[test]
    fn patterns_fit_as_gos_do() {
        for (pattern, path) in [
            ("*.yaml", "a.yaml"),
            ("a/*.yaml", "a/b.yaml"),
            ("a?c", "abc"),
            ("[a-c]x", "bx"),
            ("[^a]x", "bx"),
            ("\\*", "*"),
            ("*a*b", "xaxaxb"),
        ] {
            assert!(fits(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("*.yaml", "a/b.yaml"),
            ("a?c", "a/c"),
            ("[a]", "b"),
            ("a", "ab"),
        ] {
            assert!(!fits(pattern, path), "{pattern} {path}");
        }
        assert!(Pattern::parse("*").unwrap().fits("a/b", true));
        for broken in ["[", "a\\", "[]", "[a-"] {
            assert!(Pattern::parse(broken).is_none(), "{broken}");
        }
    }
}
