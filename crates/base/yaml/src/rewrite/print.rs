//! A written document as text again: go-yaml v3's emitter with an indentation of two, lists not
//! indented below their key, and lines as long as they are.

use super::comments::Comments;
use super::node::{Kind, Node, Place, Style};
use super::scalar::{Around, escaped, hints, is_break, is_multiline, possible};

/// The longest key that needs no `?` before it, in bytes.
const SIMPLE_KEY: usize = 128;

pub(super) fn print(root: &Node, comments: &Comments) -> String {
    let mut printer = Printer {
        out: String::new(),
        indent: -2,
        column: 0,
        is_spaced: true,
        is_indention: true,
        foot_indent: None,
        comments: comments.clone(),
        heads: 0,
        feet: 0,
        has_comma: false,
    };
    if let Some(place) = root.place {
        printer.head(place.first);
    }
    printer.node(
        root,
        Context {
            in_mapping: false,
            is_simple_key: false,
            in_flow: false,
        },
    );
    printer.line_comment(root);
    printer.end();
    printer.out
}

#[derive(Clone, Copy)]
struct Context {
    in_mapping: bool,
    is_simple_key: bool,
    in_flow: bool,
}

struct Printer {
    out: String,
    indent: isize,
    column: usize,
    is_spaced: bool,
    is_indention: bool,
    /// A foot was written with this indentation: an empty line follows it.
    foot_indent: Option<usize>,
    comments: Comments,
    /// Heads that are written.
    heads: usize,
    /// Feet that are written.
    feet: usize,
    /// The item that comes has a foot.
    has_comma: bool,
}

impl Printer {
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn put_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
        self.is_indention = true;
    }

    fn level(&self) -> usize {
        self.indent.max(0).unsigned_abs()
    }

    fn write_indent(&mut self) {
        let indent = self.level();
        if !self.is_indention || self.column > indent || (self.column == indent && !self.is_spaced)
        {
            self.put_break();
        }
        if self.foot_indent.take() == Some(indent) {
            self.put_break();
        }
        while self.column < indent {
            self.put(" ");
        }
        self.is_spaced = true;
    }

    fn indicator(&mut self, text: &str, needs_space: bool, is_spaced: bool, is_indention: bool) {
        if needs_space && !self.is_spaced {
            self.put(" ");
        }
        self.put(text);
        self.is_spaced = is_spaced;
        self.is_indention &= is_indention;
    }

    fn comment(&mut self, lines: &[String]) {
        for (number, line) in lines.iter().enumerate() {
            if number > 0 && !line.is_empty() {
                self.write_indent();
            }
            self.put(line);
            if !line.is_empty() {
                self.is_indention = false;
            }
            self.put_break();
        }
        self.is_spaced = true;
    }

    /// Writes the comments above an entry that begins on this line.
    fn head(&mut self, line: usize) {
        while let Some((at, lines)) = self.comments.heads.get(self.heads) {
            if *at > line {
                return;
            }
            let lines = lines.clone();
            self.heads += 1;
            self.write_indent();
            self.comment(&lines);
        }
    }

    /// Writes the comment on the last line of a value that is no block.
    fn line_comment(&mut self, node: &Node) {
        let is_block = matches!(node.style, Style::Block | Style::Literal | Style::Folded);
        if let Some(place) = node.place.filter(|_| !is_block) {
            for line in place.first..=place.last {
                self.comment_of_line(line);
            }
        }
    }

    fn comment_of_line(&mut self, line: usize) {
        if let Some(text) = self.comments.lines.remove(&line) {
            if !self.is_spaced {
                self.put(" ");
            }
            self.comment(&[text]);
        }
    }

    /// Writes the comments below an entry that ends on this line, of a block that begins in the
    /// given column.
    fn feet(&mut self, last: usize, column: usize) {
        while let Some(foot) = self.comments.feet.get(self.feet) {
            if foot.after > last || foot.column < column {
                return;
            }
            let text = foot.text.clone();
            self.feet += 1;
            self.write_indent();
            self.comment(&text);
            self.foot_indent = Some(self.level());
        }
    }

    fn end(&mut self) {
        let mut rest: Vec<String> = Vec::new();
        for foot in self.comments.feet.drain(self.feet..) {
            rest.extend(foot.text);
        }
        for (_, lines) in self.comments.heads.drain(self.heads..) {
            rest.extend(lines);
        }
        rest.append(&mut self.comments.end);
        if !rest.is_empty() {
            self.indent = 0;
            self.foot_indent = Some(0);
            self.write_indent();
            self.comment(&rest);
        }
        self.foot_indent = None;
        self.indent = 0;
        self.write_indent();
    }

    fn deeper(&mut self) -> isize {
        let outer = self.indent;
        self.indent = (self.indent + 2).max(0);
        outer
    }

    fn node(&mut self, node: &Node, context: Context) {
        if let Kind::Alias(name) = &node.kind {
            self.indicator(&format!("*{name}"), true, false, false);
            return;
        }
        if let Some(anchor) = &node.anchor {
            self.indicator(&format!("&{anchor}"), true, false, false);
        }
        if let Some(tag) = &node.tag {
            let tag = match tag.strip_prefix("tag:yaml.org,2002:") {
                Some(short) => format!("!!{short}"),
                None if tag.starts_with('!') => tag.clone(),
                None => format!("!<{tag}>"),
            };
            self.indicator(&tag, true, false, false);
        }
        match &node.kind {
            Kind::Scalar(text) => self.scalar(text, node, context),
            Kind::Sequence(items) if self.is_flow(node, context) => self.flow_list(items),
            Kind::Sequence(items) => self.block_list(items, node.place, context),
            Kind::Mapping(entries) if self.is_flow(node, context) => self.flow_map(entries),
            Kind::Mapping(entries) => self.block_map(entries, node.place),
            Kind::Alias(_) => {}
        }
    }

    fn is_flow(&self, node: &Node, context: Context) -> bool {
        let is_empty = match &node.kind {
            Kind::Sequence(items) => items.is_empty(),
            Kind::Mapping(entries) => entries.is_empty(),
            _ => false,
        };
        context.in_flow || node.style == Style::Flow || is_empty
    }

    fn flow_list(&mut self, items: &[Node]) {
        self.has_comma = false;
        self.indicator("[", true, true, false);
        let outer = self.deeper();
        for (number, item) in items.iter().enumerate() {
            if number > 0 {
                self.indicator(",", false, false, false);
            }
            self.node(item, FLOW);
        }
        self.indent = outer;
        self.indicator("]", false, false, false);
    }

    fn flow_map(&mut self, entries: &[(Node, Node)]) {
        // Compat: go-yaml writes a comma before the bracket where a foot follows.
        let has_comma = std::mem::take(&mut self.has_comma) && !entries.is_empty();
        self.indicator("{", true, true, false);
        let outer = self.deeper();
        for (number, (key, value)) in entries.iter().enumerate() {
            if number > 0 {
                self.indicator(",", false, false, false);
            }
            if is_simple_key(key) {
                self.node(
                    key,
                    Context {
                        is_simple_key: true,
                        ..FLOW
                    },
                );
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, false);
                self.node(key, FLOW);
                self.indicator(":", true, false, false);
            }
            self.node(value, FLOW);
        }
        self.indent = outer;
        if has_comma {
            self.indicator(",", false, false, false);
        }
        self.indicator("}", false, false, false);
    }

    fn block_list(&mut self, items: &[Node], place: Option<Place>, context: Context) {
        self.has_comma = false;
        let is_level = context.in_mapping && (self.column == 0 || !self.is_indention);
        let outer = self.deeper();
        if is_level {
            self.indent = outer.max(0);
        }
        for item in items {
            if let Some(place) = item.place {
                self.head(place.first);
            }
            self.write_indent();
            self.indicator("-", true, false, true);
            self.has_comma = place.zip(item.place).is_some_and(|(list, item)| {
                let foot = self.comments.feet.get(self.feet);
                foot.is_some_and(|foot| foot.after <= item.last && foot.column >= list.column)
            });
            self.node(
                item,
                Context {
                    in_mapping: false,
                    is_simple_key: false,
                    in_flow: false,
                },
            );
            self.line_comment(item);
            if let (Some(item), Some(place)) = (item.place, place) {
                self.feet(item.last, place.column);
            }
        }
        self.indent = outer;
    }

    fn block_map(&mut self, entries: &[(Node, Node)], place: Option<Place>) {
        self.has_comma = false;
        let outer = self.deeper();
        for (key, value) in entries {
            if let Some(place) = key.place {
                self.head(place.first);
            }
            self.write_indent();
            let context = Context {
                in_mapping: true,
                is_simple_key: true,
                in_flow: false,
            };
            let plain = Context {
                is_simple_key: false,
                ..context
            };
            if is_simple_key(key) {
                self.node(key, context);
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, true);
                self.node(key, plain);
                self.write_indent();
                self.indicator(":", true, false, true);
            }
            if let (Some(key), false) = (key.place, self.is_flow(value, plain))
                && !matches!(value.kind, Kind::Scalar(_) | Kind::Alias(_))
            {
                self.comment_of_line(key.last);
            }
            self.node(value, plain);
            self.line_comment(value);
            if let (Some(key), Some(place)) = (key.place, place) {
                let last = value.place.map_or(key.last, |value| value.last);
                self.feet(last.max(key.last), place.column);
            }
        }
        self.indent = outer;
    }

    fn scalar(&mut self, text: &str, node: &Node, context: Context) {
        let around = Around {
            is_flow: context.in_flow,
            is_simple_key: context.is_simple_key,
        };
        let outer = self.indent;
        self.indent = match outer {
            ..0 => 2,
            outer => outer + 2,
        };
        match possible(text, node.style, around) {
            Style::Single => {
                self.indicator("'", true, false, false);
                self.flowing(&text.replace('\'', "''"));
                self.indicator("'", false, false, false);
            }
            Style::Double => self.indicator(&format!("\"{}\"", escaped(text)), true, false, false),
            style @ (Style::Literal | Style::Folded) => {
                let sign = if style == Style::Literal { "|" } else { ">" };
                self.indicator(sign, true, false, false);
                self.indicator(&hints(text), false, false, false);
                let line = node.place.map(|place| place.first);
                match line.and_then(|line| self.comments.lines.remove(&line)) {
                    Some(comment) => {
                        self.put(" ");
                        self.comment(&[comment]);
                    }
                    None => self.put_break(),
                }
                self.is_spaced = true;
                if style == Style::Literal {
                    self.literal(text);
                } else {
                    self.folded(text);
                }
            }
            _ => {
                if !text.is_empty() {
                    if !self.is_spaced {
                        self.put(" ");
                    }
                    self.flowing(text);
                    self.is_indention = false;
                }
                self.is_spaced &= text.is_empty();
            }
        }
        self.indent = outer;
    }

    /// A text within its lines, whose breaks fold.
    fn flowing(&mut self, text: &str) {
        let mut breaks = false;
        for unit in text.chars() {
            if is_break(unit) {
                if !breaks && unit == '\n' {
                    self.put_break();
                }
                self.out.push(unit);
                self.column = 0;
                self.is_indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                self.out.push(unit);
                self.column += 1;
                self.is_indention = false;
                breaks = false;
            }
        }
    }

    fn literal(&mut self, text: &str) {
        let mut breaks = true;
        for unit in text.chars() {
            self.block_unit(unit, &mut breaks);
        }
    }

    fn block_unit(&mut self, unit: char, breaks: &mut bool) {
        if is_break(unit) {
            self.out.push(unit);
            self.column = 0;
            self.is_indention = true;
            *breaks = true;
            return;
        }
        if *breaks {
            self.write_indent();
        }
        self.out.push(unit);
        self.column += 1;
        self.is_indention = false;
        *breaks = false;
    }

    fn folded(&mut self, text: &str) {
        let starts_blank = |unit: char| matches!(unit, ' ' | '\t');
        // Compat: go-yaml looks at the beginning of the whole text here.
        let after_breaks = text.trim_start_matches(is_break).chars().next();
        let doubles = after_breaks.is_some_and(|unit| !starts_blank(unit));
        let (mut breaks, mut leading) = (true, true);
        for unit in text.chars() {
            if is_break(unit) {
                if !breaks && !leading && unit == '\n' && doubles {
                    self.put_break();
                }
            } else if breaks {
                leading = starts_blank(unit);
            }
            self.block_unit(unit, &mut breaks);
        }
    }
}

const FLOW: Context = Context {
    in_mapping: false,
    is_simple_key: false,
    in_flow: true,
};

fn is_simple_key(key: &Node) -> bool {
    let anchor = key.anchor.as_ref().map_or(0, String::len);
    let tag = key.tag.as_ref().map_or(0, String::len);
    match &key.kind {
        Kind::Alias(name) => name.len() <= SIMPLE_KEY,
        Kind::Scalar(text) => !is_multiline(text) && text.len() + anchor + tag <= SIMPLE_KEY,
        Kind::Sequence(items) => items.is_empty(),
        Kind::Mapping(entries) => entries.is_empty(),
    }
}
