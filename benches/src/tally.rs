//! Times of the same cases on two sides, and what they come to.

use std::time::Duration;

/// One case on two sides.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// The other tool.
    pub other: Duration,
    /// Argosy.
    pub ours: Duration,
}

/// The pairs of cases that both sides have a time of.
pub fn paired(others: &[Option<Duration>], ours: &[Option<Duration>]) -> Vec<Pair> {
    let both = others.iter().zip(ours);
    both.filter_map(|(other, ours)| {
        Some(Pair {
            other: (*other)?,
            ours: (*ours)?,
        })
    })
    .collect()
}

/// What is said of all pairs: `LABEL  OTHER's sum and median, ours, and their ratios`.
pub fn line(label: &str, other: &str, pairs: &[Pair]) -> String {
    if pairs.is_empty() {
        return format!("{label:<34} no cases");
    }
    let others = side(pairs, |pair| pair.other);
    let ours = side(pairs, |pair| pair.ours);
    let ratios = sorted(
        pairs
            .iter()
            .map(|p| p.other.as_secs_f64() / p.ours.as_secs_f64()),
    );
    format!(
        "{label:<34} {:>4} cases   {other} {:>9.1} ms (median {:>7.2})   argosy {:>9.1} ms (median {:>7.2})   \
         sum {:>6.1}x   median {:>6.1}x",
        pairs.len(),
        others.0,
        others.1,
        ours.0,
        ours.1,
        others.0 / ours.0,
        ratios[ratios.len() / 2],
    )
}

/// Sum and median in milliseconds.
fn side(pairs: &[Pair], of: impl Fn(&Pair) -> Duration) -> (f64, f64) {
    let all = sorted(pairs.iter().map(|pair| of(pair).as_secs_f64() * 1e3));
    (all.iter().sum(), all[all.len() / 2])
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut all: Vec<f64> = values.collect();
    all.sort_by(f64::total_cmp);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_has_the_ratios_of_sums_and_the_median_of_ratios() {
        let pair = |other, ours| Pair {
            other: Duration::from_millis(other),
            ours: Duration::from_millis(ours),
        };
        let text = line("x", "helm", &[pair(100, 10), pair(90, 30), pair(10, 10)]);
        assert!(
            text.contains("sum    4.0x") && text.contains("median    3.0x"),
            "{text}"
        );
    }
}
