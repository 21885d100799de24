//! Made-up manifests in all styles, with comments where people write them.

use super::Random;

impl Random {
    /// A manifest in any style, with comments where people write them.
    pub fn commented(&mut self) -> String {
        let mut out = String::new();
        if self.below(4) == 0 {
            out.push_str(self.pick(&["# first\n", "# first\n\n", "---\n", "--- # first\n"]));
        }
        self.block(0, 0, &mut out);
        if self.below(4) == 0 {
            out.push_str(self.pick(&["# last\n", "\n# last\n", "\n# one\n\n# two\n", "\n\n"]));
        }
        out
    }

    fn remark(&mut self, indent: usize, out: &mut String) {
        if self.below(5) == 0 {
            let text = self.pick(&["# above\n", "# one\n# two\n"]);
            for line in text.lines() {
                out.push_str(&format!("{}{line}\n", " ".repeat(indent)));
            }
        }
        if self.below(12) == 0 {
            out.push('\n');
        }
    }

    fn block(&mut self, indent: usize, depth: usize, out: &mut String) {
        let is_list = depth > 0 && self.below(3) == 0;
        for number in 0..=self.below(3) {
            if number > 0 || depth > 0 {
                self.remark(indent, out);
            }
            out.push_str(&" ".repeat(indent));
            if is_list {
                out.push_str("- ");
                match self.below(3) {
                    0 => {
                        let word = self.word_or_style(indent);
                        out.push_str(&format!("{word}\n"));
                    }
                    _ => {
                        let (key, value) = (self.key(number), self.word_or_style(indent + 2));
                        out.push_str(&format!("{key}: {value}\n"));
                        if self.below(2) == 0 {
                            self.remark(indent + 2, out);
                            let value = self.word_or_style(indent + 2);
                            out.push_str(&format!("{}z: {value}\n", " ".repeat(indent + 2)));
                        }
                    }
                }
                continue;
            }
            let key = self.key(number);
            if depth < 3 && self.below(2) == 0 {
                let remark = self.pick(&["", "", "", " # line"]);
                out.push_str(&format!("{key}:{remark}\n"));
                let deeper = indent + 1 + self.below(4);
                self.block(deeper, depth + 1, out);
            } else {
                let value = self.word_or_style(indent);
                out.push_str(&format!("{key}: {value}\n"));
            }
        }
    }

    fn key(&mut self, number: usize) -> String {
        let word = self.pick(&["a", "\"b\"", "'c'", "d e", "x.y/z"]);
        match word.chars().last() {
            Some(quote @ ('"' | '\'')) => format!("{quote}k{number}{quote}"),
            _ => format!("{word}{number}"),
        }
    }

    fn word_or_style(&mut self, indent: usize) -> String {
        let inner = " ".repeat(indent + 2 + self.below(3));
        let value = match self.below(14) {
            0 => format!(
                "|{}\n{inner}one\n{inner}  two\n{inner}three",
                self.pick(&["", "-", "+", " # line"])
            ),
            1 => format!(
                ">{}\n{inner}one\n{inner}two\n\n{inner}three",
                self.pick(&["", "-", "+"])
            ),
            2 => format!("one\n{inner}two"),
            3 => format!("'one\n{inner}two'"),
            4 => "{a: 1, 'b': [x, \"y\"]}".to_owned(),
            5 => "[a, {b: c}, []]".to_owned(),
            6 => self
                .pick(&["\"\"", "''", "~", "null", "[]", "{}"])
                .to_owned(),
            7 => self
                .pick(&["'it''s'", "\"q\\\"q\\t\\u00e9\"", "b#c", "\u{e9}\u{1f600}"])
                .to_owned(),
            _ => self
                .pick(&["a", "1", "yes", "0x1F", "1.50", "a, b", "-x", "a:b", "true"])
                .to_owned(),
        };
        match self.below(6) {
            0 if !value.contains('\n') => {
                format!("{value}{}# line", self.pick(&[" ", "  ", " \t "]))
            }
            _ => value,
        }
    }
}
