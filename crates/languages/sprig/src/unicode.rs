//! Characters as Go's `unicode` package sees them: single-character case mappings and categories.

use regex_syntax::hir::{Class, ClassUnicode, HirKind};
use std::sync::LazyLock;

/// `unicode.ToUpper`: a character without an upper case of one character stays.
pub(crate) fn to_upper(only: char) -> char {
    single(only.to_uppercase(), only)
}

/// `unicode.ToLower`.
pub(crate) fn to_lower(only: char) -> char {
    if only == '\u{130}' {
        'i'
    } else {
        single(only.to_lowercase(), only)
    }
}

/// `unicode.ToTitle`.
pub(crate) fn to_title(only: char) -> char {
    match only {
        '\u{1c4}'..='\u{1c6}' => '\u{1c5}',
        '\u{1c7}'..='\u{1c9}' => '\u{1c8}',
        '\u{1ca}'..='\u{1cc}' => '\u{1cb}',
        '\u{1f1}'..='\u{1f3}' => '\u{1f2}',
        other => to_upper(other),
    }
}

fn single(mut mapped: impl Iterator<Item = char>, only: char) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(mapped), None) => mapped,
        _ => only,
    }
}

/// `unicode.IsSpace`.
pub(crate) fn is_space(only: char) -> bool {
    only.is_whitespace()
}

/// `unicode.IsLetter`.
pub(crate) fn is_letter(only: char) -> bool {
    static LETTERS: LazyLock<ClassUnicode> = LazyLock::new(|| category("L"));
    if only.is_ascii() {
        only.is_ascii_alphabetic()
    } else {
        contains(&LETTERS, only)
    }
}

/// `unicode.IsUpper`.
pub(crate) fn is_upper(only: char) -> bool {
    static UPPER: LazyLock<ClassUnicode> = LazyLock::new(|| category("Lu"));
    if only.is_ascii() {
        only.is_ascii_uppercase()
    } else {
        contains(&UPPER, only)
    }
}

/// `unicode.IsLower`.
pub(crate) fn is_lower(only: char) -> bool {
    static LOWER: LazyLock<ClassUnicode> = LazyLock::new(|| category("Ll"));
    if only.is_ascii() {
        only.is_ascii_lowercase()
    } else {
        contains(&LOWER, only)
    }
}

/// `unicode.IsTitle`.
pub(crate) fn is_title(only: char) -> bool {
    static TITLE: LazyLock<ClassUnicode> = LazyLock::new(|| category("Lt"));
    !only.is_ascii() && contains(&TITLE, only)
}

/// `unicode.IsPunct`.
pub(crate) fn is_punct(only: char) -> bool {
    static PUNCTUATION: LazyLock<ClassUnicode> = LazyLock::new(|| category("P"));
    contains(&PUNCTUATION, only)
}

/// `unicode.IsNumber`.
pub(crate) fn is_number(only: char) -> bool {
    only.is_numeric()
}

/// `unicode.IsDigit`.
pub(crate) fn is_digit(only: char) -> bool {
    static DIGITS: LazyLock<ClassUnicode> = LazyLock::new(|| category("Nd"));
    if only.is_ascii() {
        only.is_ascii_digit()
    } else {
        contains(&DIGITS, only)
    }
}

fn contains(class: &ClassUnicode, only: char) -> bool {
    let ranges = class.ranges();
    let at = ranges.partition_point(|range| range.end() < only);
    ranges.get(at).is_some_and(|range| range.start() <= only)
}

fn category(name: &str) -> ClassUnicode {
    let hir =
        regex_syntax::parse(&format!(r"\p{{gc={name}}}")).map(regex_syntax::hir::Hir::into_kind);
    match hir {
        Ok(HirKind::Class(Class::Unicode(class))) => class,
        _ => ClassUnicode::empty(),
    }
}
