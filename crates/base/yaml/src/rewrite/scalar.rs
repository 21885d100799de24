//! Which quotes a text gets, and how it is written in them.

use super::node::Style;

/// What a text's characters allow.
struct Allowed {
    multiline: bool,
    plain: bool,
    flow_plain: bool,
    single: bool,
    block: bool,
}

/// Where a text stands.
#[derive(Clone, Copy)]
pub(super) struct Around {
    pub is_flow: bool,
    pub is_simple_key: bool,
}

/// The style that a text can have where it stands, nearest to the one that it had.
pub(super) fn possible(text: &str, had: Style, around: Around) -> Style {
    let allowed = allowed(text);
    let mut style = match had {
        Style::Plain if text.contains('\n') => Style::Literal,
        had => had,
    };
    if around.is_simple_key && allowed.multiline {
        style = Style::Double;
    }
    let plain = if around.is_flow {
        allowed.flow_plain
    } else {
        allowed.plain
    };
    if style == Style::Plain
        && (!plain || (text.is_empty() && (around.is_flow || around.is_simple_key)))
    {
        style = Style::Single;
    }
    if style == Style::Single && !allowed.single {
        style = Style::Double;
    }
    let is_block = matches!(style, Style::Literal | Style::Folded);
    if is_block && (!allowed.block || around.is_flow || around.is_simple_key) {
        style = Style::Double;
    }
    style
}

pub(super) fn is_multiline(text: &str) -> bool {
    text.contains(is_break)
}

fn allowed(text: &str) -> Allowed {
    if text.is_empty() {
        return Allowed {
            multiline: false,
            plain: true,
            flow_plain: false,
            single: true,
            block: false,
        };
    }
    let marker = text.starts_with("---") || text.starts_with("...");
    let (mut block_sign, mut flow_sign) = (marker, marker);
    let (mut multiline, mut special, mut tabs) = (false, false, false);
    let (mut break_space, mut space_break) = (false, false);
    let mut previous = None;
    let mut units = text.chars().peekable();
    while let Some(unit) = units.next() {
        let next = units.peek().copied();
        let before_blank = next.is_none_or(|next| matches!(next, ' ' | '\t'));
        let after_blank =
            previous.is_none_or(|previous| matches!(previous, ' ' | '\t') || is_break(previous));
        match (previous, unit) {
            (
                None,
                '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
                | '@' | '`',
            ) => (flow_sign, block_sign) = (true, true),
            (None, '-') if before_blank => (flow_sign, block_sign) = (true, true),
            (Some(_), '#') if after_blank => (flow_sign, block_sign) = (true, true),
            (None, '?') | (_, ':') => {
                flow_sign = true;
                block_sign |= before_blank;
            }
            (Some(_), ',' | '?' | '[' | ']' | '{' | '}') => flow_sign = true,
            _ => {}
        }
        tabs |= unit == '\t';
        special |= unit != '\t' && !is_printable(unit);
        multiline |= is_break(unit);
        break_space |= unit == ' ' && previous.is_some_and(is_break);
        space_break |= is_break(unit) && previous == Some(' ');
        previous = Some(unit);
    }
    let at_edge = |unit: char| unit == ' ' || is_break(unit);
    let edge = text.starts_with(at_edge) || text.ends_with(at_edge);
    let quoted = space_break || tabs || special;
    let bare = !(edge || break_space || quoted || multiline);
    Allowed {
        multiline,
        plain: bare && !block_sign,
        flow_plain: bare && !flow_sign,
        single: !(break_space || quoted),
        block: !(text.ends_with(' ') || space_break || special),
    }
}

/// A text in double quotes, without them.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for unit in text.chars() {
        let code = u32::from(unit);
        match unit {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\0' => out.push_str("\\0"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\u{1b}' => out.push_str("\\e"),
            '\u{85}' => out.push_str("\\N"),
            '\u{2028}' => out.push_str("\\L"),
            '\u{2029}' => out.push_str("\\P"),
            _ if is_printable(unit) => out.push(unit),
            _ if code <= 0xff => out.push_str(&format!("\\x{code:02X}")),
            _ if code <= 0xffff => out.push_str(&format!("\\u{code:04X}")),
            _ => out.push_str(&format!("\\U{code:08X}")),
        }
    }
    out
}

/// What stands behind `|` or `>` for the text to come back whole.
pub(super) fn hints(text: &str) -> String {
    let mut hints = String::new();
    if text.starts_with(|unit| unit == ' ' || is_break(unit)) {
        hints.push('2');
    }
    let mut ends = text.chars().rev();
    match (ends.next(), ends.next()) {
        (Some(last), None) if is_break(last) => hints.push('+'),
        (Some(last), Some(before)) if is_break(last) => {
            if is_break(before) {
                hints.push('+');
            }
        }
        _ => hints.push('-'),
    }
    hints
}

pub(super) fn is_break(unit: char) -> bool {
    matches!(unit, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_printable(unit: char) -> bool {
    matches!(unit, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && unit != '\u{feff}'
}
