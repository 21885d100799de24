//! Numbers as text, as Go prints them.

/// Compat: whole numbers in full, others with 17 digits that count.
pub(crate) fn shown(value: f64) -> String {
    if value == value.floor() {
        return format!("{value:.0}");
    }
    let scientific = format!("{value:.16e}");
    let (mantissa, exponent) = scientific.split_once('e').expect("it has an exponent");
    let exponent: i32 = exponent.parse().expect("it is a number");
    if exponent < -4 {
        let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
        return format!("{mantissa}e-{:02}", -exponent);
    }
    let decimals = (16 - exponent).max(0) as usize;
    let text = format!("{value:.decimals$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The shortest decimal that reads as the same number, never with an exponent.
pub(crate) fn shortest(value: f64) -> String {
    format!("{value}")
}
