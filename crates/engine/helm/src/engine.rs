//! Renders all templates of a chart and its subcharts.

use std::collections::BTreeMap;
use std::sync::Arc;

use argosy_gotmpl::{
    ExecError, GoStr, Limits, Map as GoMap, MapRef, MissingKey, ParseError, Set, SetBuilder, Value,
};
use bytes::Bytes;

use crate::cache::TemplateCache;
use crate::chart::Chart;
use crate::error::HelmError;
use crate::funcs::{RenderEnv, WARN_END, WARN_START, functions, without_no_value};
use crate::hosts::Files;
use crate::metadata::fields_map;

/// One template file with the dot it is rendered with.
struct Template {
    source: Bytes,
    dot: MapRef,
    base_path: String,
}

type Templates = BTreeMap<String, Template>;

/// What is true of the whole release.
pub(crate) struct Top {
    pub values: Value,
    pub release: Value,
    pub capabilities: Value,
}

/// Renders every template; partials and blank results are left out of the map.
pub(crate) fn render(
    chart: &Chart,
    top: &Top,
    cache: &TemplateCache,
    env: &mut RenderEnv,
    limits: &Limits,
) -> Result<BTreeMap<String, GoStr>, HelmError> {
    let mut templates = Templates::new();
    collect(chart, None, chart.name(), top, &mut templates);
    let sources = templates
        .iter()
        .map(|(name, template)| (name.as_str(), &template.source));
    let set = match cache.find(sources.clone()) {
        Some(set) => set,
        None => cache.keep(sources, parse(&templates)?),
    };
    let mut rendered = BTreeMap::new();
    for name in in_order(&templates) {
        let base = name.rsplit('/').next().unwrap_or(name);
        if base.starts_with('_') {
            continue;
        }
        let template = &templates[name];
        let about = fields_map([
            ("Name", name.into()),
            ("BasePath", template.base_path.as_str().into()),
        ]);
        template
            .dot
            .insert(GoStr::from("Template"), Value::map(about));
        env.begin(name);
        let mut out = Vec::new();
        let dot = Value::Map(template.dot.clone());
        set.execute(name, &dot, env, limits, &mut out)
            .map_err(|error| exec_error(name, &error))?;
        rendered.insert(name.to_owned(), without_no_value(&GoStr::from(out)));
    }
    // Templates may have tied values into circles, which would never be given back.
    for template in templates.values() {
        template.dot.dissolve();
    }
    Ok(rendered)
}

/// Collects the templates of a chart and its subcharts, and returns the chart's dot.
fn collect(
    chart: &Chart,
    parent: Option<&MapRef>,
    path: &str,
    top: &Top,
    templates: &mut Templates,
) -> MapRef {
    let values = match parent {
        None => top.values.clone(),
        Some(parent) => below(parent, chart.name()),
    };
    let subcharts = MapRef::default();
    let dot = MapRef::new(fields_map([
        (
            "Chart",
            Value::Map(chart.metadata.to_value(parent.is_none())),
        ),
        ("Files", Value::Host(Arc::new(Files::new(&chart.files)))),
        ("Release", top.release.clone()),
        ("Capabilities", top.capabilities.clone()),
        ("Values", values),
        ("Subcharts", Value::Map(subcharts.clone())),
    ]));
    for sub in &chart.dependencies {
        let below = format!("{path}/charts/{}", sub.name());
        let inner = collect(sub, Some(&dot), &below, top, templates);
        subcharts.insert(GoStr::from(sub.name()), Value::Map(inner));
    }
    for file in &chart.templates {
        let base = file.name.rsplit('/').next().unwrap_or_default();
        if chart.is_library() && !base.starts_with('_') {
            continue;
        }
        let template = Template {
            source: file.data.clone(),
            dot: dot.clone(),
            base_path: format!("{path}/templates"),
        };
        templates.insert(format!("{path}/{}", file.name), template);
    }
    dot
}

/// The subchart's table in its parent's values.
fn below(parent: &MapRef, name: &str) -> Value {
    let values = parent.get(b"Values").unwrap_or_default();
    let found = name
        .split('.')
        .try_fold(values, |table, key| table.get(key));
    match found {
        Some(table @ Value::Map(_)) => table,
        _ => Value::map(GoMap::new()),
    }
}

/// Names with most slashes first, then in reverse alphabetical order: parents come last, so that
/// their definitions win.
fn in_order(templates: &Templates) -> Vec<&str> {
    let slashes = |name: &str| name.bytes().filter(|byte| *byte == b'/').count();
    let mut names: Vec<&str> = templates.keys().map(String::as_str).collect();
    names.sort_by(|left, right| {
        slashes(right)
            .cmp(&slashes(left))
            .then_with(|| right.cmp(left))
    });
    names
}

fn parse(templates: &Templates) -> Result<Arc<Set>, HelmError> {
    let mut builder = SetBuilder::new("gotpl", functions()).missing_key(MissingKey::Zero);
    for name in in_order(templates) {
        let source = String::from_utf8_lossy(&templates[name].source);
        builder
            .add(name, &source)
            .map_err(|error| parse_error(name, &error))?;
    }
    Ok(builder.build())
}

/// The parts of an error that Helm keeps: the place and the last sentence.
fn parse_error(name: &str, error: &ParseError) -> HelmError {
    let tokens: Vec<&str> = error.text.split(": ").collect();
    HelmError::Template(match tokens.as_slice() {
        [] | [_] => format!("parse error in ({name}): {}", error.text),
        [_, place, .., last] => format!("parse error at ({place}): {last}"),
        [_, place] => format!("parse error at ({place}): {place}"),
    })
}

/// Rewrites an error as Helm does: what `required` and `fail` say alone, else one paragraph for
/// each template on the way.
fn exec_error(name: &str, error: &ExecError) -> HelmError {
    if error.limit {
        let ExecError {
            template,
            line,
            column,
            text,
            ..
        } = error;
        return HelmError::Limit(format!(
            "execution error at ({template}:{line}:{column}): {text}"
        ));
    }
    let mut tokens = error.text.splitn(3, ": ");
    let (Some(_), Some(place), Some(rest)) = (tokens.next(), tokens.next(), tokens.next()) else {
        return HelmError::Template(format!("execution error in ({name}): {}", error.text));
    };
    if let (Some(start), Some(end)) = (rest.find(WARN_START), rest.rfind(WARN_END))
        && start + WARN_START.len() <= end
    {
        let said = &rest[start + WARN_START.len()..end];
        return HelmError::Template(format!("execution error at ({place}): {said}"));
    }
    let mut steps: Vec<Step<'_>> = Vec::new();
    for text in std::iter::once(error.text.as_str()).chain(error.causes.iter()) {
        match Step::parse(text) {
            Some(step) if steps.last() != Some(&step) => steps.push(step),
            Some(_) => {}
            None => return HelmError::Template(error.text.clone()),
        }
    }
    let text: String = steps.iter().map(Step::text).collect();
    HelmError::Template(text.trim().to_owned())
}

/// One template's share in an error.
#[derive(PartialEq, Eq)]
struct Step<'e> {
    place: &'e str,
    doing: String,
    message: &'e str,
}

impl<'e> Step<'e> {
    fn parse(text: &'e str) -> Option<Self> {
        let rest = text.strip_prefix("template: ")?;
        if rest.starts_with("no template ") {
            return Some(Self {
                place: "",
                doing: String::new(),
                message: text,
            });
        }
        let cut = |message: &'e str| {
            message
                .find(" template:")
                .map_or(message, |at| &message[..at])
        };
        if let Some((place, after)) = rest.split_once(": executing ")
            && let Some((function, after)) = after
                .strip_prefix('"')
                .and_then(|after| after.split_once('"'))
            && let Some((node, message)) = after
                .strip_prefix(" at <")
                .and_then(|after| after.split_once(">: "))
        {
            let doing = format!("executing \"{function}\" at <{node}>:");
            return Some(Self {
                place,
                doing,
                message: cut(message),
            });
        }
        let (place, message) = rest.rsplit_once(": ")?;
        Some(Self {
            place,
            doing: String::new(),
            message: cut(message),
        })
    }

    fn text(&self) -> String {
        let mut out = String::new();
        if !self.place.is_empty() {
            out.push_str(&format!("{}\n  ", self.place));
        }
        if !self.doing.is_empty() {
            out.push_str(&format!("{}\n    ", self.doing));
        }
        if !self.message.is_empty() {
            out.push_str(&format!("{}\n", self.message));
        }
        out
    }
}
