//! JSONPath in kubectl's dialect, as printer columns use it.
//!
//! Compat: client-go's util/jsonpath with missing keys allowed: what is not there finds nothing.

mod parse;

use argosy_object::Value;
use parse::{Filter, Node};

/// Values that one evaluation may visit.
const MAX_VISITED: usize = 1_000_000;

/// A parsed template, such as `.spec.replicas` or `{.items[*].metadata.name}`.
#[derive(Debug, Clone)]
pub struct JsonPath {
    actions: Vec<Vec<Node>>,
}

/// Why a template cannot be parsed or evaluated.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct JsonPathError(pub String);

impl JsonPath {
    /// Parses a template with braces, as `kubectl -o jsonpath=` takes it.
    ///
    /// # Errors
    /// [`JsonPathError`] with upstream's text.
    pub fn parse(template: &str) -> Result<Self, JsonPathError> {
        parse::template(template).map(|actions| Self { actions })
    }

    /// Parses a bare path, as printer columns and `selectableFields` hold it (`.spec.replicas`).
    ///
    /// # Errors
    /// As [`JsonPath::parse`].
    pub fn column(path: &str) -> Result<Self, JsonPathError> {
        Self::parse(&format!("{{{path}}}"))
    }

    /// The values the first action finds; missing keys find nothing.
    ///
    /// # Errors
    /// [`JsonPathError`] where an index or a filter cannot be applied.
    pub fn find<'v>(&self, value: &'v Value) -> Result<Vec<&'v Value>, JsonPathError> {
        let Some(action) = self.actions.iter().find(|nodes| !is_text(nodes)) else {
            return Ok(Vec::new());
        };
        let mut walk = Walk {
            root: value,
            visited: 0,
        };
        walk.all(action, vec![value])
    }

    /// The whole template as text: values of one action are joined by blanks, `range` repeats.
    ///
    /// # Errors
    /// As [`JsonPath::find`].
    pub fn render(&self, value: &Value) -> Result<String, JsonPathError> {
        let mut walk = Walk {
            root: value,
            visited: 0,
        };
        let mut out = String::new();
        walk.render(&self.actions, value, &mut out)?;
        Ok(out)
    }
}

fn is_text(nodes: &[Node]) -> bool {
    matches!(nodes, [Node::Text(_)] | [Node::Range(_)] | [Node::End])
}

fn failed<T>(text: impl Into<String>) -> Result<T, JsonPathError> {
    Err(JsonPathError(text.into()))
}

/// A value as kubectl prints it: text bare, everything else as JSON.
fn printed(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

struct Walk<'v> {
    root: &'v Value,
    visited: usize,
}

type Found<'v> = Result<Vec<&'v Value>, JsonPathError>;

impl<'v> Walk<'v> {
    fn render(
        &mut self,
        actions: &[Vec<Node>],
        value: &'v Value,
        out: &mut String,
    ) -> Result<(), JsonPathError> {
        let mut at = 0;
        while let Some(action) = actions.get(at) {
            at += 1;
            match &action[..] {
                [Node::Text(text)] => out.push_str(text),
                [Node::Range(nodes)] => {
                    let body = &actions[at..];
                    let mut depth = 1;
                    let end = body.iter().position(|action| {
                        match &action[..] {
                            [Node::Range(_)] => depth += 1,
                            [Node::End] => depth -= 1,
                            _ => {}
                        }
                        depth == 0
                    });
                    let Some(end) = end else {
                        return failed("unmatched range");
                    };
                    for item in self.all(nodes, vec![value])? {
                        self.render(&body[..end], item, out)?;
                    }
                    at += end + 1;
                }
                [Node::End] => return failed("not in range, nothing to end"),
                nodes => {
                    let found = self.all(nodes, vec![value])?;
                    let texts: Vec<String> = found.into_iter().map(printed).collect();
                    out.push_str(&texts.join(" "));
                }
            }
        }
        Ok(())
    }

    fn all(&mut self, nodes: &[Node], mut values: Vec<&'v Value>) -> Found<'v> {
        for node in nodes {
            values = self.step(node, values)?;
        }
        Ok(values)
    }

    fn step(&mut self, node: &Node, values: Vec<&'v Value>) -> Found<'v> {
        self.visited += values.len() + 1;
        if self.visited > MAX_VISITED {
            return failed("the path visits too many values");
        }
        let mut out = Vec::new();
        match node {
            Node::Root => out.push(self.root),
            Node::Current => return Ok(values),
            Node::Field(name) => out.extend(values.into_iter().filter_map(|v| v.get(name))),
            Node::Wildcard => {
                for value in values {
                    match value {
                        Value::Array(items) => out.extend(items),
                        Value::Object(map) => out.extend(map.values()),
                        _ => {}
                    }
                }
            }
            Node::Recursive => {
                for value in values {
                    self.descend(value, &mut out, 0)?;
                }
            }
            Node::Slice { start, end, step } => {
                for value in values.into_iter().filter(|value| !value.is_null()) {
                    let Value::Array(items) = value else {
                        return failed(format!("{value} is not array or slice"));
                    };
                    slice(items, *start, *end, *step, &mut out)?;
                }
            }
            Node::Union(branches) => {
                for branch in branches {
                    out.extend(self.all(branch, values.clone())?);
                }
            }
            Node::Filter(filter) => {
                for value in values {
                    let items: Vec<&Value> = match value {
                        Value::Array(items) => items.iter().collect(),
                        Value::Object(map) => map.values().collect(),
                        Value::Null => continue,
                        other => {
                            return failed(format!(
                                "{other} is not array or slice and cannot be filtered"
                            ));
                        }
                    };
                    for item in items {
                        if self.matches(filter, item)? {
                            out.push(item);
                        }
                    }
                }
            }
            Node::Text(_) | Node::Range(_) | Node::End | Node::Literal(_) => {
                return failed("unexpected text in a path");
            }
        }
        Ok(out)
    }

    fn descend(
        &mut self,
        value: &'v Value,
        out: &mut Vec<&'v Value>,
        depth: usize,
    ) -> Result<(), JsonPathError> {
        self.visited += 1;
        if self.visited > MAX_VISITED || depth > 500 {
            return failed("the path visits too many values");
        }
        out.push(value);
        match value {
            Value::Array(items) => {
                for item in items.iter().filter(|i| i.is_array() || i.is_object()) {
                    self.descend(item, out, depth + 1)?;
                }
            }
            Value::Object(map) => {
                for item in map.values().filter(|i| i.is_array() || i.is_object()) {
                    self.descend(item, out, depth + 1)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn matches(&mut self, filter: &Filter, item: &'v Value) -> Result<bool, JsonPathError> {
        let left = self.operand(&filter.left, item)?;
        if filter.operator == "exists" {
            return Ok(!left.is_empty());
        }
        let right = self.operand(&filter.right, item)?;
        let (left, right) = match (&left[..], &right[..]) {
            ([], _) | (_, []) => return Ok(false),
            ([left], [right]) => (left, right),
            _ => return failed("can only compare one element at a time"),
        };
        let order = match (left, right) {
            (Value::Number(a), Value::Number(b)) => a.as_f64().partial_cmp(&b.as_f64()),
            (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
            (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
            _ => return failed("incompatible types for comparison"),
        };
        let Some(order) = order else { return Ok(false) };
        Ok(match filter.operator.as_str() {
            "==" => order.is_eq(),
            "!=" => order.is_ne(),
            "<" => order.is_lt(),
            ">" => order.is_gt(),
            "<=" => order.is_le(),
            ">=" => order.is_ge(),
            other => return failed(format!("unrecognized filter operator {other}")),
        })
    }

    fn operand(&mut self, nodes: &[Node], item: &'v Value) -> Result<Vec<Value>, JsonPathError> {
        if let [Node::Literal(value)] = nodes {
            return Ok(vec![value.clone()]);
        }
        Ok(self.all(nodes, vec![item])?.into_iter().cloned().collect())
    }
}

fn slice<'v>(
    items: &'v [Value],
    start: Option<i64>,
    end: Option<i64>,
    step: Option<i64>,
    out: &mut Vec<&'v Value>,
) -> Result<(), JsonPathError> {
    let len = items.len() as i64;
    let absolute = |index: i64| if index < 0 { index + len } else { index };
    let from = absolute(start.unwrap_or(0));
    // A single index is the slice that ends after it; that of the last item has no end.
    let to = end.map_or(len, absolute);
    let to = if to == 0 && end == Some(0) && start.is_some_and(|s| s < 0) {
        len
    } else {
        to
    };
    if len == 0 && start.is_none() {
        return Ok(());
    }
    if from >= len || from < 0 {
        return failed(format!(
            "array index out of bounds: index {from}, length {len}"
        ));
    }
    if to > len || to < 0 {
        return failed(format!(
            "array index out of bounds: index {}, length {len}",
            to - 1
        ));
    }
    let step = step.unwrap_or(1);
    if step <= 0 {
        return failed("step must be > 0");
    }
    let count = usize::try_from((to - from).max(0)).unwrap_or(0);
    out.extend(
        items[from as usize..]
            .iter()
            .take(count)
            .step_by(step as usize),
    );
    Ok(())
}

#[cfg(test)]
mod tests;
