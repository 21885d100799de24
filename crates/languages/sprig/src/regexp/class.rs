//! Classes of characters: Perl's, POSIX' and Unicode's, as Go names and fills them.

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange, HirKind};

/// A class under construction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Set(Vec<(u32, u32)>);

impl Set {
    /// Adds a range of code points, both ends included; surrogates can't occur in text and are
    /// left out.
    pub(crate) fn add(&mut self, low: u32, high: u32) {
        self.0.push((low, high));
    }

    pub(crate) fn add_class(&mut self, class: &ClassUnicode) {
        self.0.extend(
            class
                .iter()
                .map(|r| (u32::from(r.start()), u32::from(r.end()))),
        );
    }

    pub(crate) fn class(&self, fold: bool) -> ClassUnicode {
        let mut class = ClassUnicode::empty();
        for (low, high) in &self.0 {
            for (low, high) in [(*low, (*high).min(0xd7ff)), ((*low).max(0xe000), *high)] {
                if low <= high
                    && let (Some(low), Some(high)) = (char::from_u32(low), char::from_u32(high))
                {
                    class.push(ClassUnicodeRange::new(low, high));
                }
            }
        }
        if fold {
            class.case_fold_simple();
        }
        class
    }
}

/// `\d`, `\s`, `\w` and their opposites, all of them ASCII.
pub(crate) fn perl(letter: u8) -> Option<ClassUnicode> {
    let ranges: &[(char, char)] = match letter.to_ascii_lowercase() {
        b'd' => &[('0', '9')],
        b's' => &[('\t', '\n'), ('\x0c', '\r'), (' ', ' ')],
        b'w' => &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
        _ => return None,
    };
    Some(ascii(ranges, letter.is_ascii_uppercase()))
}

/// `[:alpha:]` and the like; the name may start with `^`.
pub(crate) fn posix(name: &str) -> Option<ClassUnicode> {
    let (negated, name) = name
        .strip_prefix('^')
        .map_or((false, name), |rest| (true, rest));
    let ranges: &[(char, char)] = match name {
        "alnum" => &[('0', '9'), ('A', 'Z'), ('a', 'z')],
        "alpha" => &[('A', 'Z'), ('a', 'z')],
        "ascii" => &[('\0', '\x7f')],
        "blank" => &[('\t', '\t'), (' ', ' ')],
        "cntrl" => &[('\0', '\x1f'), ('\x7f', '\x7f')],
        "digit" => &[('0', '9')],
        "graph" => &[('!', '~')],
        "lower" => &[('a', 'z')],
        "print" => &[(' ', '~')],
        "punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        "space" => &[('\t', '\r'), (' ', ' ')],
        "upper" => &[('A', 'Z')],
        "word" => &[('0', '9'), ('A', 'Z'), ('a', 'z'), ('_', '_')],
        "xdigit" => &[('0', '9'), ('A', 'F'), ('a', 'f')],
        _ => return None,
    };
    Some(ascii(ranges, negated))
}

fn ascii(ranges: &[(char, char)], negated: bool) -> ClassUnicode {
    let mut class = ClassUnicode::new(
        ranges
            .iter()
            .map(|(low, high)| ClassUnicodeRange::new(*low, *high)),
    );
    if negated {
        class.negate();
    }
    class
}

/// `\p{name}`: a category or a script.
pub(crate) fn unicode(name: &str) -> Option<ClassUnicode> {
    if name.is_empty()
        || !name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_ -".contains(&b))
    {
        return None;
    }
    ["gc", "sc"].iter().find_map(|property| {
        let hir = regex_syntax::parse(&format!(r"\p{{{property}={name}}}")).ok()?;
        match hir.into_kind() {
            HirKind::Class(regex_syntax::hir::Class::Unicode(class)) => Some(class),
            // A class of one character is simplified to a literal.
            HirKind::Literal(literal) => {
                let only = std::str::from_utf8(&literal.0).ok()?.chars().next()?;
                Some(ClassUnicode::new([ClassUnicodeRange::new(only, only)]))
            }
            _ => None,
        }
    })
}
