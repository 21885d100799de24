//! Comparing two transcripts, and saying where they part.

use crate::run::Transcript;

/// The difference of two transcripts as text; `None` where there is none.
pub fn difference(embedded: &Transcript, real: &Transcript) -> Option<String> {
    let mut text = String::new();
    for (ours, theirs) in embedded.steps.iter().zip(&real.steps) {
        if ours.differs(theirs) {
            text.push_str(&format!("  $ {}\n", ours.line));
            if ours.code != theirs.code {
                text.push_str(&format!(
                    "    exit code: embedded {}, real {}\n",
                    ours.code, theirs.code
                ));
            }
            for (stream, ours, theirs) in [
                ("stdout", &ours.stdout, &theirs.stdout),
                ("stderr", &ours.stderr, &theirs.stderr),
            ] {
                if ours != theirs {
                    text.push_str(&format!("    {stream} (- embedded, + real):\n"));
                    text.push_str(&lines(ours, theirs));
                }
            }
        }
    }
    (!text.is_empty()).then_some(text)
}

/// A difference by lines with two lines of context.
fn lines(ours: &str, theirs: &str) -> String {
    let (left, right): (Vec<&str>, Vec<&str>) = (ours.lines().collect(), theirs.lines().collect());
    let mut marked: Vec<(char, &str)> = Vec::new();
    let lengths = common_lengths(&left, &right);
    let (mut i, mut j) = (0, 0);
    while i < left.len() || j < right.len() {
        if i < left.len() && j < right.len() && left[i] == right[j] {
            marked.push((' ', left[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == right.len() || i < left.len() && lengths[i + 1][j] >= lengths[i][j + 1] {
            marked.push(('-', left[i]));
            i += 1;
        } else {
            marked.push(('+', right[j]));
            j += 1;
        }
    }
    let mut text = String::new();
    let mut skipped = false;
    for (index, (mark, line)) in marked.iter().enumerate() {
        let window = &marked[index.saturating_sub(2)..(index + 3).min(marked.len())];
        if window.iter().any(|(mark, _)| *mark != ' ') {
            text.push_str(&format!("      {mark} {line}\n"));
            skipped = false;
        } else if !skipped {
            text.push_str("        ..\n");
            skipped = true;
        }
    }
    text
}

/// How many lines the rests from `i` and `j` have in common.
fn common_lengths(left: &[&str], right: &[&str]) -> Vec<Vec<u32>> {
    let mut lengths = vec![vec![0; right.len() + 1]; left.len() + 1];
    for i in (0..left.len()).rev() {
        for j in (0..right.len()).rev() {
            lengths[i][j] = if left[i] == right[j] {
                lengths[i + 1][j + 1] + 1
            } else {
                lengths[i + 1][j].max(lengths[i][j + 1])
            };
        }
    }
    lengths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Said;

    fn said(stdout: &str) -> Transcript {
        Transcript {
            steps: vec![Said {
                line: "get cm".into(),
                compared: true,
                code: "0".into(),
                stdout: stdout.into(),
                stderr: String::new(),
            }],
        }
    }

    #[test]
    fn difference_shows_the_lines_that_part() {
        assert_eq!(difference(&said("a\nb"), &said("a\nb")), None);
        let text = difference(&said("a\nb\nc"), &said("a\nx\nc")).unwrap();
        assert!(
            text.contains("        a\n      - b\n      + x\n        c\n"),
            "{text}"
        );
    }
}
