//! What sigs.k8s.io/yaml answers, recorded in `tests/golden.jsonl`, and, where Go is there, asked
//! anew about generated inputs (`conformance/oracles/yaml`; how many and which,
//! `conformance/oracles/differential.rs` says).

#![allow(clippy::unwrap_used)]

#[path = "oracle/commented.rs"]
mod commented;
#[path = "../../../../conformance/oracles/differential.rs"]
mod differential;

use argosy_object::{Value, json};
use differential::Oracle;

/// What this crate answers, in the oracle's form.
fn answer(question: &Value) -> Value {
    let text = question["text"].as_str().unwrap();
    let result = match question["op"].as_str().unwrap() {
        "read" => argosy_yaml::from_str(text).map(|v| argosy_yaml::write_json_go(&v)),
        "strict" => argosy_yaml::from_slice_strict("", text.as_bytes())
            .map(|v| argosy_yaml::write_json_go(&v)),
        "write" => Ok(argosy_yaml::to_string(&serde_json::from_str(text).unwrap())),
        other => panic!("unknown operation {other}"),
    };
    match result {
        Ok(out) => json!({"out": out}),
        Err(error) => json!({"error": error.text}),
    }
}

/// Equal, but for number spellings that no reader of JSON tells apart (`-0` is `0`).
fn same(ours: &Value, theirs: &Value) -> bool {
    if ours == theirs {
        return true;
    }
    let (Some(ours), Some(theirs)) = (ours["out"].as_str(), theirs["out"].as_str()) else {
        return false;
    };
    theirs
        .replace("-0,", "0,")
        .replace("-0]", "0]")
        .replace("-0}", "0}")
        == ours
        || (theirs == "-0" && ours == "0")
}

#[test]
fn recorded_answers_are_ours_too() {
    let mut wrong = Vec::new();
    for line in include_str!("golden.jsonl").lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let ours = answer(&row["q"]);
        if !same(&ours, &row["a"]) {
            wrong.push(format!("{}\n  go   {}\n  ours {ours}", row["q"], row["a"]));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} rows differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// The ledger of known differences. Go forgets the fault of a value that a later, equal key takes
/// the place of; we name it. Which of several faults of a mapping it names is chance, and so is
/// the order in which it shows what stands at a bad key. An anchor within itself has other words
/// where it is a key. One number as an integer and as a float are two keys to Go, and one to us.
fn is_known(question: &Value, ours: &Value, theirs: &Value) -> bool {
    let is_of_mapping = |answer: &Value| {
        let error = answer["error"].as_str().unwrap_or_default();
        [
            "json: unsupported value: ",
            "unsupported map key of type: ",
            "yaml: invalid map key: map[",
        ]
        .iter()
        .any(|text| error.starts_with(text))
    };
    if is_of_mapping(ours) && is_of_mapping(theirs) {
        return true;
    }
    let says = |answer: &Value, text: &str| answer["error"].to_string().contains(text);
    let has_floats = || {
        let text = question["text"].as_str().unwrap_or_default();
        ["!!float", "1e3", "08"]
            .iter()
            .any(|number| text.contains(number))
    };
    if question["op"] == "strict" && says(ours, "already set in map") && has_floats() {
        return true;
    }
    if says(theirs, "value contains itself") && says(ours, "exceeded max depth") {
        return true;
    }
    let has_equal_keys = || {
        let strict = json!({"op": "strict", "text": question["text"]});
        let error = answer(&strict)["error"].to_string();
        error.contains("already set in map") || ours["error"] == error
    };
    question["op"] == "read"
        && ours.get("error").is_some()
        && theirs.get("out").is_some()
        && has_equal_keys()
}

#[test]
fn generated_inputs_read_and_write_as_go_does() {
    let Some(oracle) = Oracle::build("yaml", 2_000) else {
        return;
    };
    let ask = |questions: &[Value]| -> Vec<Value> {
        let lines: String = questions.iter().map(|q| format!("{q}\n")).collect();
        let answers = oracle.answer(lines);
        let answers = answers
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        answers.collect()
    };
    oracle.seeded_rounds(|seed| {
        let questions = questions(seed, oracle.cases());
        let mut wrong = Vec::new();
        for (question, theirs) in questions.iter().zip(ask(&questions)) {
            if question["op"] == "write" && theirs.get("error").is_some() {
                continue;
            }
            let ours = answer(question);
            if same(&ours, &theirs) || is_known(question, &ours, &theirs) {
                continue;
            }
            // Where two keys become one in JSON, Go's answer changes from one run to the next.
            let again = ask(&vec![question.clone(); 150]);
            if !again.iter().any(|theirs| same(&ours, theirs)) {
                wrong.push(format!("{question}\n  go   {theirs}\n  ours {ours}"));
            }
        }
        (questions.len(), wrong)
    });
}

/// The ledger of known differences: of a comment below an item of a list go-yaml now and then makes
/// something else, or nothing. Such cases are one in thousands, and only comments may differ.
fn is_moved_foot(ours: &str, theirs: &str) -> bool {
    let content = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| {
            let line = line.trim();
            !line.is_empty() && !line.starts_with('#')
        });
        lines.map(|line| line.replace(",}", "}")).collect()
    };
    ours.contains("- ") && content(ours) == content(theirs)
}

/// What is written as it was, against go-yaml v3: the first documents of texts with comments.
#[test]
fn documents_are_written_as_they_were_as_kyaml_does() {
    let Some(oracle) = Oracle::build("yaml", 2_000) else {
        return;
    };
    oracle.seeded_rounds(|seed| {
        let mut random = Random(seed.wrapping_mul(2_654_435_769) + 1);
        let count = oracle.cases();
        let texts: Vec<String> = (0..count).map(|_| random.commented()).collect();
        let lines = texts
            .iter()
            .map(|text| format!("{}\n", json!({"op": "rewrite", "text": text})));
        let answers = oracle.answer(lines.collect());
        let answers = answers
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut moved = 0;
        let wrong = texts.iter().zip(answers).filter_map(|(text, theirs)| {
            let read = argosy_yaml::Written::read("", text, &argosy_yaml::Limits::default());
            let ours = match read {
                Ok(Some(written)) => written.to_string(),
                _ => return None,
            };
            let theirs = theirs["out"].as_str()?;
            let is_moved = ours != theirs && is_moved_foot(&ours, theirs);
            moved += usize::from(is_moved);
            let differs = ours != theirs && (!is_moved || moved > 3 + count / 1_000);
            differs.then(|| format!("{text}\n--- go\n{theirs}\n--- ours\n{ours}"))
        });
        (texts.len(), wrong.collect())
    });
}

/// The fixed inputs, and as many made-up ones as are asked for.
fn questions(seed: u64, count: usize) -> Vec<Value> {
    let mut random = Random(seed.wrapping_mul(2_654_435_769) + 1);
    let mut questions = Vec::new();
    for text in FIXED {
        questions.push(json!({"op": "read", "text": text}));
        questions.push(json!({"op": "strict", "text": text}));
        let quoted = serde_json::to_string(&json!({"k": text, *text: [text]})).unwrap();
        questions.push(json!({"op": "write", "text": quoted}));
    }
    for _ in 0..count / 4 {
        questions.push(json!({"op": "read", "text": random.document()}));
        questions.push(json!({"op": "read", "text": random.soup()}));
        questions.push(json!({"op": "strict", "text": random.document()}));
        let value = random.value(0);
        questions.push(json!({"op": "write", "text": value.to_string()}));
    }
    questions
}

/// Inputs that each stand for one rule.
const FIXED: &[&str] = &[
    "",
    "~",
    "a: 1",
    "yes",
    "y",
    "Y",
    "n",
    "on",
    "Off",
    "TRUE",
    "null",
    "Null",
    "nULL",
    ".inf",
    "-.Inf",
    ".nan",
    "010",
    "0o10",
    "08",
    "0x1F",
    "0X1f",
    "0b101",
    "-0b11",
    "0b-1",
    "1_000",
    "_1",
    "1__0",
    "+5",
    "-",
    "--",
    "---",
    "...",
    "1.5",
    ".5",
    "5.",
    "1e3",
    "1e400",
    "1e21",
    "1e20",
    "-0",
    "-0.0",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "-9223372036854775809",
    "2001-01-01",
    "2001-1-1 1:2:3",
    "12:30:45",
    "1:20",
    "190:20:30",
    "0x",
    "0b",
    "<<",
    "=",
    "!!str 12",
    "!!int 'x'",
    "!!int '12'",
    "!!float 1",
    "!!binary aGk=",
    "!!binary '*'",
    "!!bool yes",
    "!!null x",
    "! 12",
    "!foo bar",
    "!!timestamp 2001-01-01",
    "{a: 1, b: [x, y]}",
    "[1,2",
    "{a",
    "a: b: c",
    "a:\n- b\n-c",
    "\ta: 1",
    "a:\t1",
    "a: 1\n\tb: 2",
    "a: 1\na: 2",
    "1: a\n'1': b",
    "true: a\nyes: b",
    "1.5: a",
    "1e10: b",
    "~: x",
    "? [a]\n: b",
    "{{ .x }}",
    "a: {{ .x }}",
    "18446744073709551615: x",
    "? a\n: b",
    "- - a\n  - b\n- c",
    "a: &x 1\nb: *x",
    "b: *x",
    "a: &x [*x]",
    "x: &x {a: 1}\ny:\n  <<: *x\n  a: 2",
    "x: &x {a: 1}\ny:\n  a: 2\n  <<: *x",
    "y:\n  <<: [{a: 1}, {a: 2, b: 3}]",
    "<<: 1",
    "<<: [1]",
    "'<<': {a: 1}",
    "a: |\n  x\n  y\n",
    "a: |-\n  x\n\n",
    "a: |+\n  x\n\n",
    "a: >\n  x\n  y\n\n  z\n",
    "a: |2\n    x\n",
    "a: |0\n x",
    "a: 'it''s'",
    "a: \"\\x41\\u263a\\n\"",
    "a: \"\\q\"",
    "a: \"x\n  y\"",
    "a: 'x",
    "@a",
    "`a",
    "%YAML 1.1\n---\na: 1",
    "%YAML 1.2\n---\na",
    "%TAG ! tag:x,2000:\n---\n!a b",
    "%FOO\n---\na",
    "--- a\n--- b",
    "a\n...\nb",
    "# c\na: 1 # d",
    "a: b # c",
    "a: b#c",
    "a: #c",
    "a: -1",
    "a: - 1",
    "a: ?b",
    "a: :b",
    "a::b",
    "a :b",
    "[a:b]",
    "{a:b}",
    "{a: b,}",
    "[a,,b]",
    "{\"a\":1}",
    "[\"a\":1]",
    "{a: 1}}",
    "a: ]",
    "a: }",
    "a: [}",
    "a: !<tag:yaml.org,2002:str> 1",
    "a: !!set {x}",
    "x: \u{feff}y",
    "\u{feff}a: 1",
    "a: \u{7f}",
    "a: \u{85}b",
    "a: 'x\u{2028}y'",
    "😀: 😀",
    "a: 1\n b: 2",
    "  a: 1\n b: 2",
    "a:\n  - b\n - c",
    "a: |\n x\n  y\n z",
    "key: [a, b]: c",
    "&a b: c",
    "*a : b",
    "a: &b",
    "a: *",
    "!",
    "!! a",
    "a\tb",
    "a: 'b'c",
    "- a\nb: c",
    "a: b\n- c",
    "word\nword2\n  word3",
    "a: \"b\" c",
    "? a",
    "?",
    ":",
    ": a",
    "-",
    "- ",
    "-a",
    "'",
    "\"",
    "a:\n\n\n  b",
    "a: b\\\n  c",
    "a: \"b\\\n  c\"",
    "[]",
    "{}",
    "[{}]",
    "a: [\n]",
    "a: [\n1\n]",
    "a: {\nb: c\n}",
    "a: {\nb: c}\nd: e",
    "a b: c",
    "'a b': c",
    "a: |x",
    "a: >x\n b",
    "a:\n-\n-\n",
    "-\n  a\n",
    "a: 1.0",
    "a: 1.10",
    "a: 100000000000000000000",
    "a: 0.1e-10",
    "a: 123456789012345678.5",
    "a: +.inf",
    "a: 1:2",
    "a: !!float x",
    "%",
    "a: %x",
    "a: @x",
    "a: *x y",
    "a: &x &y z",
    "- &x a\n- *x",
    "a: !b\n",
    "a: |\n\tx",
    "a:\n\t- b",
    "# only",
    "trailing space ",
    " leading",
    "multi\nline",
    "multi\n",
    "\n",
    "\nx",
    "x\n\n",
    " x\ny",
    "x \ny",
    "x\n y",
    "x\n  y\nz\n",
    "tab\tin",
    "a\r\nb",
    "cr\rin",
    "quote\"in",
    "quote'in",
    "back\\slash",
    "colon: in",
    "colon:",
    "hash #in",
    "hash#in",
    "#start",
    "&amp",
    "*star",
    "!bang",
    "|pipe",
    ">gt",
    "%pct",
    "- dash",
    "-dash",
    "? q",
    "?q",
    "[b",
    "]b",
    "{b",
    "}b",
    ",c",
    "a, b",
    "a,b",
    "---a",
    "...a",
    "e1",
    "1e",
    "+",
    ".",
    "..",
    "0.",
    "-.5",
    "+.5",
    "1_0.5",
    "0o8",
    "0o17",
    "-0o17",
    "-0x1f",
    "Infinity",
    "nan",
    "NaN",
    ".NAN",
    "~x",
    "nullx",
    "2001-01-01x",
    "2001-13-01",
    "1.2.3",
    "long text that goes on and on until it is far beyond the eightieth column, where it folds again",
    "'quoted' long text: that goes on and on until it is far beyond the eightieth column, and folds  twice",
    "\"esc\\\" long\ttext that goes on and on until it is far beyond the eightieth column, and  folds on",
];

/// A small generator, the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) % bound as u64) as usize
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    fn word(&mut self) -> String {
        const WORDS: &[&str] = &[
            "a",
            "b",
            "key",
            "yes",
            "n",
            "1",
            "010",
            "1.5",
            "~",
            "null",
            "on",
            "2001-01-01",
            "x y",
            "a-b",
            "0x1F",
            "1e3",
            "<<",
            "true",
            "False",
            ".inf",
            "12:30",
            "-1",
            "a.b/c",
            "a10",
            "a2",
        ];
        match self.below(8) {
            0 => FIXED[self.below(FIXED.len())].to_owned(),
            1 => format!("\"{}\"", self.pick(WORDS)),
            2 => format!("'{}'", self.pick(WORDS)),
            _ => self.pick(WORDS).to_owned(),
        }
    }

    /// A document that is mostly well formed.
    fn document(&mut self) -> String {
        let mut out = String::new();
        let mut indent = 0usize;
        for _ in 0..=self.below(12) {
            out.push_str(&" ".repeat(indent));
            match self.below(12) {
                0 => {
                    out.push_str("- ");
                    let word = self.word();
                    out.push_str(&word);
                }
                1 => {
                    let word = self.word();
                    out.push_str(&format!(
                        "{word}: |{}\n",
                        self.pick(&["", "-", "+", "2", "2-"])
                    ));
                    for _ in 0..self.below(4) {
                        let extra = self.below(3);
                        let text = self.pick(&["text", "", "# no comment", "- x", "k: v"]);
                        out.push_str(&format!("{}{text}\n", " ".repeat(indent + 2 + extra)));
                    }
                    continue;
                }
                2 => {
                    let (a, b) = (self.word(), self.word());
                    out.push_str(&format!("{a}: {{{b}: 1, z: [{a}, {b}]}}"));
                }
                3 => {
                    let word = self.word();
                    out.push_str(&format!("{word}:"));
                    indent += self.below(2) * 2;
                }
                4 => {
                    let (a, b) = (self.word(), self.word());
                    out.push_str(&format!("{a}: &anchor {b}"));
                }
                5 => out.push_str(self.pick(&["r: *anchor", "<<: *anchor", "<<: {q: 1}", "# c"])),
                _ => {
                    let (a, b) = (self.word(), self.word());
                    out.push_str(&format!("{a}: {b}"));
                }
            }
            out.push('\n');
            if self.below(4) == 0 {
                indent = indent.saturating_sub(2);
            }
        }
        out
    }

    /// Tokens thrown together.
    fn soup(&mut self) -> String {
        const TOKENS: &[&str] = &[
            "a",
            "b",
            ": ",
            ":",
            "- ",
            "-",
            "\n",
            "\n  ",
            "\n ",
            "[",
            "]",
            "{",
            "}",
            ",",
            ", ",
            "#",
            " #",
            "&x ",
            "*x",
            "!t ",
            "!!str ",
            "|",
            ">",
            "|\n",
            "'",
            "\"",
            "%",
            "@",
            "? ",
            "?",
            "\t",
            "---",
            "\n---\n",
            "...",
            "\\",
            "1",
            "0x1",
            "~",
            "<<",
            "\u{e9}",
            "\u{2028}",
            " ",
            "  ",
            "\r\n",
            "\u{85}",
            "%YAML 1.1\n",
            "|2-\n",
            ">+\n",
            "\\x41",
            "''",
        ];
        (0..=self.below(14)).map(|_| self.pick(TOKENS)).collect()
    }

    fn text(&mut self) -> String {
        const PARTS: &[&str] = &[
            "a",
            "word",
            " ",
            "  ",
            "\n",
            "\n\n",
            ":",
            ": ",
            "#",
            " #",
            "-",
            "- ",
            "'",
            "\"",
            "\\",
            "\t",
            "{",
            "}",
            "[",
            "]",
            ",",
            "&",
            "*",
            "!",
            "|",
            ">",
            "%",
            "@",
            "`",
            "?",
            "=",
            "~",
            "0",
            "1",
            "10",
            ".",
            "_",
            "e",
            "x",
            "yes",
            "null",
            "\u{e9}",
            "\u{a0}",
            "\u{2028}",
            "\u{2029}",
            "\u{1f600}",
            "\u{feff}",
            "\0",
            "\u{1b}",
            "\r",
            "<",
            "---",
            "...",
            "some longer words here",
            "Z",
            "T",
            "+",
            "0x",
            "0b",
            "0o",
            "é",
            "漢字",
        ];
        if self.below(3) == 0 {
            return FIXED[self.below(FIXED.len())].replace(['\u{7f}', '\u{85}'], "");
        }
        (0..self.below(18)).map(|_| self.pick(PARTS)).collect()
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.below(if depth > 3 { 6 } else { 10 }) {
            0 => json!(self.below(2) == 0),
            1 => Value::Null,
            2 => json!(self.below(100_000) as i64 - 50_000),
            3 => json!([0.5, 1.5e10, 1e21, 1e20, 1e-7, 123_456.789, 3.0, -2.5e-9][self.below(8)]),
            4 | 5 => json!(self.text()),
            6 | 7 => (0..self.below(4)).map(|_| self.value(depth + 1)).collect(),
            _ => Value::Object(
                (0..self.below(5))
                    .map(|_| (self.text(), self.value(depth + 1)))
                    .collect(),
            ),
        }
    }
}
