//! The order in which go-yaml writes the keys of a mapping.

use std::cmp::Ordering;

/// Compares two keys as go-yaml sorts them: letters after everything else, runs of digits by
/// their number (`a2` before `a10`).
///
/// Compat: go-yaml v2 `keyList.Less`. Go sorts with it as it is; it is no strict order on
/// every set of keys, and where it contradicts itself the order here may differ from Go's.
pub fn key_order(left: &str, right: &str) -> Ordering {
    if left == right {
        return Ordering::Equal;
    }
    if less(left, right) {
        Ordering::Less
    } else if less(right, left) {
        Ordering::Greater
    } else {
        Ordering::Equal
    }
}

/// Sorts as [`key_order`] says. A merge sort of our own: the order may contradict itself, which
/// the standard library's sort answers with a panic.
pub(crate) fn sort_keys<T>(entries: Vec<(&String, T)>) -> Vec<(&String, T)> {
    if entries.windows(2).all(|pair| !less(pair[1].0, pair[0].0)) {
        return entries;
    }
    let mut left = entries;
    let right = left.split_off(left.len() / 2);
    let mut out = Vec::with_capacity(left.len() + right.len());
    let mut left = sort_keys(left).into_iter().peekable();
    let mut right = sort_keys(right).into_iter().peekable();
    loop {
        let next = match (left.peek(), right.peek()) {
            (Some(l), Some(r)) if less(r.0, l.0) => right.next(),
            (Some(_), _) => left.next(),
            (None, _) => right.next(),
        };
        match next {
            Some(entry) => out.push(entry),
            None => return out,
        }
    }
}

fn less(left: &str, right: &str) -> bool {
    if left.is_ascii() && right.is_ascii() {
        return less_units(left.as_bytes(), right.as_bytes(), char::from);
    }
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    less_units(&left, &right, |c| c)
}

fn less_units<T: Copy + PartialEq>(left: &[T], right: &[T], char_of: impl Fn(T) -> char) -> bool {
    let shared = left.iter().zip(right).take_while(|(a, b)| a == b).count();
    if shared == left.len() || shared == right.len() {
        return left.len() < right.len();
    }
    let (a, b) = (char_of(left[shared]), char_of(right[shared]));
    match (is_letter(a), is_letter(b)) {
        (true, true) => return a < b,
        (false, false) => {}
        (_, right_is_letter) => return right_is_letter,
    }
    // A zero behind another digit keeps its place value.
    let mut start = 0i64;
    if a == '0' || b == '0' {
        for unit in left[..shared].iter().rev() {
            let c = char_of(*unit);
            if !is_digit(c) {
                break;
            }
            if c != '0' {
                start = 1;
                break;
            }
        }
    }
    let (left_end, left_number) = run(left, shared, start, &char_of);
    let (right_end, right_number) = run(right, shared, start, &char_of);
    if left_number != right_number {
        return left_number < right_number;
    }
    if left_end != right_end {
        return left_end < right_end;
    }
    a < b
}

fn run<T: Copy>(units: &[T], from: usize, start: i64, char_of: impl Fn(T) -> char) -> (usize, i64) {
    let mut number = start;
    let mut at = from;
    while at < units.len() && is_digit(char_of(units[at])) {
        let value = i64::from(u32::from(char_of(units[at]))) - i64::from(u32::from('0'));
        number = number.wrapping_mul(10).wrapping_add(value);
        at += 1;
    }
    (at, number)
}

/// Go's `unicode.IsLetter`, which leaves out the letter-like numbers and marks that Rust's
/// alphabetic property takes in.
fn is_letter(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_alphabetic()
    } else {
        c.is_alphabetic() && !c.is_numeric()
    }
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_sort_by_number_and_letters_last() {
        let mut keys = vec![
            "a10", "a2", "B", "a", "_x", "a-b", "a.b", "ab", "a02", "10", "9",
        ];
        keys.sort_by(|l, r| key_order(l, r));
        assert_eq!(
            keys,
            [
                "_x", "9", "10", "B", "a", "a-b", "a.b", "a2", "a02", "a10", "ab"
            ]
        );
    }
}
