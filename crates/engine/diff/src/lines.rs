//! Unified differences between two texts, as `diff -u` shows them.

/// Lines shown around a difference.
const CONTEXT: usize = 3;
/// Edits beyond which texts are shown as replaced whole: the search grows with their square.
const MAX_EDITS: usize = 4_000;

/// The difference from `old` to `new`, empty where there is none.
pub fn unified_diff(old_name: &str, old: &str, new_name: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    if old == new {
        return String::new();
    }
    let edits = edits(&old, &new);
    let mut out = format!("--- {old_name}\n+++ {new_name}\n");
    for hunk in hunks(&edits) {
        let part = &edits[hunk];
        let count = |skipped: Edit| part.iter().filter(|(edit, ..)| *edit != skipped).count();
        let (_, old_at, new_at) = part[0];
        let (olds, news) = (count(Edit::Insert), count(Edit::Delete));
        out.push_str(&format!(
            "@@ -{} +{} @@\n",
            range(old_at, olds),
            range(new_at, news)
        ));
        for (edit, old_at, new_at) in part {
            let (sign, line) = match edit {
                Edit::Keep => (' ', old[*old_at]),
                Edit::Delete => ('-', old[*old_at]),
                Edit::Insert => ('+', new[*new_at]),
            };
            out.push(sign);
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edit {
    Keep,
    Delete,
    Insert,
}

/// An edit with the places in both texts before it.
type Step = (Edit, usize, usize);

fn range(at: usize, count: usize) -> String {
    match count {
        0 => format!("{at},0"),
        1 => format!("{}", at + 1),
        _ => format!("{},{count}", at + 1),
    }
}

/// Myers' shortest edit script.
fn edits(old: &[&str], new: &[&str]) -> Vec<Step> {
    let (n, m) = (old.len(), new.len());
    let limit = (n + m).min(MAX_EDITS);
    let width = 2 * limit + 3;
    let middle = limit + 1;
    let mut furthest = vec![0_usize; width];
    let mut trace = Vec::new();
    for depth in 0..=limit {
        trace.push(furthest.clone());
        for step in 0..=depth {
            let diagonal = middle + 2 * step - depth;
            let goes_down =
                step == 0 || (step != depth && furthest[diagonal - 1] < furthest[diagonal + 1]);
            let mut x = if goes_down {
                furthest[diagonal + 1]
            } else {
                furthest[diagonal - 1] + 1
            };
            let mut y = (x + middle).wrapping_sub(diagonal);
            while x < n && y < m && old[x] == new[y] {
                x += 1;
                y += 1;
            }
            furthest[diagonal] = x;
            if x >= n && y >= m {
                return walk_back(&trace, (n, m), middle);
            }
        }
    }
    replaced(n, m)
}

fn walk_back(trace: &[Vec<usize>], end: (usize, usize), middle: usize) -> Vec<Step> {
    let (mut x, mut y) = end;
    let mut steps = Vec::new();
    for (depth, furthest) in trace.iter().enumerate().rev() {
        let diagonal = middle + x - y;
        let goes_down = diagonal == middle - depth
            || (diagonal != middle + depth && furthest[diagonal - 1] < furthest[diagonal + 1]);
        let before = if goes_down {
            diagonal + 1
        } else {
            diagonal - 1
        };
        let before_x = if depth == 0 { 0 } else { furthest[before] };
        let before_y = if depth == 0 {
            0
        } else {
            before_x + middle - before
        };
        while x > before_x && y > before_y {
            x -= 1;
            y -= 1;
            steps.push((Edit::Keep, x, y));
        }
        if depth > 0 {
            if goes_down {
                y -= 1;
                steps.push((Edit::Insert, x, y));
            } else {
                x -= 1;
                steps.push((Edit::Delete, x, y));
            }
        }
    }
    steps.reverse();
    steps
}

fn replaced(n: usize, m: usize) -> Vec<Step> {
    let deleted = (0..n).map(|at| (Edit::Delete, at, 0));
    let inserted = (0..m).map(|at| (Edit::Insert, n, at));
    deleted.chain(inserted).collect()
}

/// Ranges of edits with context around them, joined where they meet.
fn hunks(edits: &[Step]) -> Vec<std::ops::Range<usize>> {
    let mut hunks: Vec<std::ops::Range<usize>> = Vec::new();
    for (at, (edit, ..)) in edits.iter().enumerate() {
        if *edit == Edit::Keep {
            continue;
        }
        let start = at.saturating_sub(CONTEXT);
        let end = (at + 1 + CONTEXT).min(edits.len());
        match hunks.last_mut() {
            Some(last) if start <= last.end => last.end = end,
            _ => hunks.push(start..end),
        }
    }
    hunks
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn changes_are_shown_with_context() {
        let old = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\n";
        let new = "a\nb\nc\nD\ne\nf\ng\nh\ni\nj\nk\nl\nm\n";
        expect![[r"
            --- live
            +++ target
            @@ -1,7 +1,7 @@
             a
             b
             c
            -d
            +D
             e
             f
             g
            @@ -10,3 +10,4 @@
             j
             k
             l
            +m
        "]]
        .assert_eq(&unified_diff("live", old, "target", new));
    }

    #[test]
    fn new_and_gone_texts_are_whole_hunks() {
        assert_eq!(
            unified_diff("a", "", "b", "x\ny\n"),
            "--- a\n+++ b\n@@ -0,0 +1,2 @@\n+x\n+y\n"
        );
        assert_eq!(
            unified_diff("a", "x\n", "b", ""),
            "--- a\n+++ b\n@@ -1 +0,0 @@\n-x\n"
        );
        assert_eq!(unified_diff("a", "x\n", "b", "x\n"), "");
    }

    #[test]
    fn every_script_leads_from_one_text_to_the_other() {
        let mut seed = 7_u32;
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed >> 16
        };
        for _ in 0..300 {
            let words = ["a", "b", "c"];
            let mut text = |len: u32| -> Vec<&str> {
                (0..next() % len)
                    .map(|_| words[next() as usize % 3])
                    .collect()
            };
            let (old, new) = (text(12), text(12));
            let (mut from, mut to) = (Vec::new(), Vec::new());
            for (edit, x, y) in edits(&old, &new) {
                if edit != Edit::Insert {
                    from.push(old[x]);
                }
                if edit != Edit::Delete {
                    to.push(new[y]);
                }
            }
            assert_eq!((from, to), (old, new));
        }
    }

    #[test]
    fn huge_differences_are_shown_as_replaced() {
        let old: String = (0..5000).map(|n| format!("{n}\n")).collect();
        let new: String = (0..5000).map(|n| format!("x{n}\n")).collect();
        let text = unified_diff("a", &old, "b", &new);
        assert!(text.starts_with("--- a\n+++ b\n@@ -1,5000 +1,5000 @@\n-0\n"));
    }
}
