//! values.schema.json: checks values against it, with the sentences that Helm prints.
//!
//! Drafts 4 to 2020-12 without what reads other documents. Compat: santhosh-tekuri/jsonschema v6
//! as helm 4.1 uses it, but that references to the network and to files are refused, that
//! `format` is not checked, and that `unevaluated*`, `$dynamicRef` and `content*` are passed
//! over. Where Go goes through properties in random order, ours is sorted.

use argosy_gotmpl::{Value, gofmt};
use argosy_object::Value as Json;
use argosy_sprig::regexp::Regexp;

use crate::chart::Chart;
use crate::values::Table;

/// How deep schemas may refer to each other.
const MAX_DEPTH: usize = 200;
/// How many schemas are applied in all.
const MAX_STEPS: usize = 2_000_000;

/// Checks the values of a chart and of its subcharts. An error has a paragraph for each chart.
pub(crate) fn check(chart: &Chart, values: &Table) -> Result<(), String> {
    let faults = faults(chart, values);
    if faults.is_empty() {
        return Ok(());
    }
    let faults = faults.trim_end();
    Err(format!(
        "values don't meet the specifications of the schema(s) in the following chart(s):\n{faults}"
    ))
}

fn faults(chart: &Chart, values: &Table) -> String {
    let mut out = String::new();
    if let Some(schema) = &chart.schema
        && let Err(fault) = check_one(schema, values)
    {
        out.push_str(&format!("{}:\n{fault}", chart.name()));
    }
    for sub in &chart.dependencies {
        match values.get(sub.name()) {
            None | Some(Json::Null) => {}
            Some(Json::Object(values)) => out.push_str(&faults(sub, values)),
            Some(other) => {
                let name = sub.name();
                let kind = gofmt::sprintf("%T", &[Value::from_json(other)]);
                out.push_str(&format!(
                    "{name}:\ninvalid type for values: expected object (map), got {kind}\n"
                ));
            }
        }
    }
    out
}

pub(crate) fn check_one(schema: &[u8], values: &Table) -> Result<(), String> {
    let text = String::from_utf8_lossy(schema);
    let root: Json = text.parse().map_err(|error| format!("{error}"))?;
    let checker = Checker {
        root: &root,
        draft: draft_of(&root),
    };
    let values = Json::Object(values.clone());
    let mut run = Run {
        steps: 0,
        path: Vec::new(),
        stop: None,
    };
    let result = checker.check(&mut run, &root, &values, 0);
    if let Some(stop) = run.stop {
        return Err(stop);
    }
    let Err(failure) = result else { return Ok(()) };
    let mut out = String::new();
    let causes = if failure.is_group() {
        failure.causes
    } else {
        vec![failure]
    };
    for cause in &causes {
        cause.display(&mut out, 1);
    }
    Err(out.trim_start_matches('\n').to_owned() + "\n")
}

fn draft_of(root: &Json) -> u32 {
    let uri = root["$schema"].as_str().unwrap_or_default();
    [
        ("draft-04", 4),
        ("draft-06", 6),
        ("draft-07", 7),
        ("2019-09", 2019),
    ]
    .into_iter()
    .find(|(name, _)| uri.contains(name))
    .map_or(2020, |(_, draft)| draft)
}

/// What is wrong at one place.
struct Failure {
    path: Vec<String>,
    text: String,
    kind: Kind,
    causes: Vec<Failure>,
}

#[derive(PartialEq, Eq)]
enum Kind {
    Plain,
    /// Several failures of one schema.
    Group,
    /// Those behind a `$ref`.
    Reference,
}

impl Failure {
    fn is_group(&self) -> bool {
        self.kind == Kind::Group
    }

    fn display(&self, out: &mut String, level: usize) {
        let mut level = level;
        if self.kind != Kind::Reference || self.causes.len() != 1 {
            let mut pointer = String::new();
            for part in &self.path {
                pointer.push('/');
                pointer.push_str(&part.replace('~', "~0").replace('/', "~1"));
            }
            out.push('\n');
            out.extend(std::iter::repeat_n("  ", level - 1));
            out.push_str(&format!("- at {}: {}", quoted(&pointer), self.text));
            level += 1;
        }
        for cause in &self.causes {
            cause.display(out, level);
        }
    }
}

/// Single quotes, Go's escapes within.
fn quoted(text: &str) -> String {
    let inner = gofmt::sprintf("%q", &[Value::str(text)]).to_string();
    let inner = inner.replace("\\\"", "\"").replace('\'', "\\'");
    format!("'{}'", &inner[1..inner.len() - 1])
}

fn joined(names: &[&str]) -> String {
    names
        .iter()
        .map(|name| quoted(name))
        .collect::<Vec<_>>()
        .join(", ")
}

/// A value as messages show it.
fn shown(json: &Json) -> String {
    match json {
        Json::String(text) => quoted(text),
        Json::Array(_) | Json::Object(_) => "value".to_owned(),
        Json::Null => "<nil>".to_owned(),
        other => other.to_string(),
    }
}

/// A number as English writes it.
fn number_text(json: &Json) -> String {
    let Some(float) = json.as_f64() else {
        return json.to_string();
    };
    let text = argosy_gotmpl::format_float(float, b'f', None);
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let (sign, digits) = whole
        .strip_prefix('-')
        .map_or(("", whole), |digits| ("-", digits));
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|group| std::str::from_utf8(group).ok())
        .collect();
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{fraction}", groups.join(","))
}

fn type_of(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

fn is_integer(json: &Json) -> bool {
    json.as_f64().is_some_and(|float| float.fract() == 0.0)
}

/// Equality of JSON: numbers by value.
fn equal(left: &Json, right: &Json) -> bool {
    match (left, right) {
        (Json::Number(left), Json::Number(right)) => left.as_f64() == right.as_f64(),
        (Json::Array(left), Json::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(l, r)| equal(l, r))
        }
        (Json::Object(left), Json::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(key, l)| right.get(key).is_some_and(|r| equal(l, r)))
        }
        _ => left == right,
    }
}

struct Checker<'s> {
    root: &'s Json,
    draft: u32,
}

struct Run {
    steps: usize,
    path: Vec<String>,
    /// Why the check itself could not go on.
    stop: Option<String>,
}

impl Run {
    fn failure(&self, text: impl Into<String>) -> Failure {
        Failure {
            path: self.path.clone(),
            text: text.into(),
            kind: Kind::Plain,
            causes: Vec::new(),
        }
    }
}

type Checked = Result<(), Failure>;

impl<'s> Checker<'s> {
    fn check(&self, run: &mut Run, schema: &'s Json, value: &Json, depth: usize) -> Checked {
        run.steps += 1;
        if run.steps > MAX_STEPS || depth > MAX_DEPTH {
            run.stop
                .get_or_insert_with(|| "unable to validate schema: it has no end".into());
        }
        if run.stop.is_some() {
            return Ok(());
        }
        let Json::Object(_) = schema else {
            return match schema {
                Json::Bool(false) => Err(run.failure("false schema")),
                _ => Ok(()),
            };
        };
        self.simple(run, schema, value)?;
        let mut errors = Vec::new();
        if let Some(reference) = schema["$ref"].as_str() {
            let result = self.reference(run, reference, value, depth);
            if self.draft < 2019 {
                return result;
            }
            errors.extend(result.err());
        }
        match value {
            Json::Object(object) => self.object(run, schema, object, depth, &mut errors),
            Json::Array(items) => self.array(run, schema, items, depth, &mut errors),
            Json::String(text) => string(run, schema, text, &mut errors),
            Json::Number(_) => number(run, schema, value, &mut errors),
            _ => {}
        }
        self.conditions(run, schema, value, depth, &mut errors);
        match errors.len() {
            0 => Ok(()),
            1 => errors.pop().map_or(Ok(()), Err),
            _ => {
                let mut group = run.failure("validation failed");
                (group.kind, group.causes) = (Kind::Group, errors);
                Err(group)
            }
        }
    }

    /// `type`, `const` and `enum`: what fails here is not looked at any further.
    fn simple(&self, run: &Run, schema: &Json, value: &Json) -> Checked {
        let wanted: Vec<&str> = match &schema["type"] {
            Json::String(one) => vec![one],
            Json::Array(many) => many.iter().filter_map(Json::as_str).collect(),
            _ => Vec::new(),
        };
        let found = type_of(value);
        let fits = |wanted: &&str| {
            *wanted == found || (*wanted == "integer" && found == "number" && is_integer(value))
        };
        if !wanted.is_empty() && !wanted.iter().any(fits) {
            let order = [
                "null", "boolean", "number", "integer", "string", "array", "object",
            ];
            let wanted: Vec<&str> = order
                .into_iter()
                .filter(|kind| wanted.contains(kind))
                .collect();
            return Err(run.failure(format!("got {found}, want {}", wanted.join(" or "))));
        }
        if let Some(constant) = schema.get("const").filter(|_| self.draft >= 6)
            && !equal(constant, value)
        {
            let text = if constant.is_array() || constant.is_object() {
                "'const' failed".to_owned()
            } else {
                format!("value must be {}", shown(constant))
            };
            return Err(run.failure(text));
        }
        if let Json::Array(choices) = &schema["enum"]
            && !choices.iter().any(|choice| equal(choice, value))
        {
            let names: Vec<String> = choices.iter().map(shown).collect();
            let text = match names.as_slice() {
                _ if choices
                    .iter()
                    .any(|choice| choice.is_array() || choice.is_object()) =>
                {
                    "'enum' failed".to_owned()
                }
                [only] => format!("value must be {only}"),
                names => format!("value must be one of {}", names.join(", ")),
            };
            return Err(run.failure(text));
        }
        Ok(())
    }

    fn reference(&self, run: &mut Run, reference: &str, value: &Json, depth: usize) -> Checked {
        if reference.starts_with("urn:") {
            return Ok(());
        }
        let Some(target) = self.resolve(reference) else {
            run.stop.get_or_insert_with(|| {
                format!(
                    "the schema refers to {}, which is not in it",
                    quoted(reference)
                )
            });
            return Ok(());
        };
        self.check(run, target, value, depth + 1)
            .map_err(|failure| {
                let mut outer = run.failure("validation failed");
                outer.kind = Kind::Reference;
                outer.causes = if failure.is_group() {
                    failure.causes
                } else {
                    vec![failure]
                };
                outer
            })
    }

    fn resolve(&self, reference: &str) -> Option<&'s Json> {
        let (document, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let own = self.root["$id"]
            .as_str()
            .or(self.root["id"].as_str())
            .unwrap_or_default();
        let base = if document.is_empty() || document == own.trim_end_matches('#') {
            self.root
        } else {
            find(
                self.root,
                &|schema| schema["$id"].as_str() == Some(document),
                0,
            )?
        };
        if fragment.is_empty() || fragment.starts_with('/') {
            return base.pointer(&percent_decoded(fragment));
        }
        let anchor = format!("#{fragment}");
        find(
            base,
            &|schema| {
                schema["$anchor"].as_str() == Some(fragment)
                    || schema["$id"].as_str() == Some(&anchor)
                    || schema["id"].as_str() == Some(&anchor)
            },
            0,
        )
    }

    fn object(
        &self,
        run: &mut Run,
        schema: &'s Json,
        object: &Table,
        depth: usize,
        errors: &mut Vec<Failure>,
    ) {
        for (name, least) in [("minProperties", true), ("maxProperties", false)] {
            bound(run, schema, name, object.len(), least, errors);
        }
        let missing = missing(&schema["required"], object);
        if !missing.is_empty() {
            let word = if missing.len() == 1 {
                "property"
            } else {
                "properties"
            };
            errors.push(run.failure(format!("missing {word} {}", joined(&missing))));
        }
        for keyword in ["dependencies", "dependentSchemas", "dependentRequired"] {
            for (name, wanted) in schema[keyword].as_object().into_iter().flatten() {
                if !object.contains_key(name) {
                    continue;
                }
                if wanted.is_array() {
                    let missing = self::missing(wanted, object);
                    if !missing.is_empty() {
                        let text = format!(
                            "properties {} required, if {} exists",
                            joined(&missing),
                            quoted(name)
                        );
                        errors.push(run.failure(text));
                    }
                } else {
                    let whole = Json::Object(object.clone());
                    errors.extend(self.check(run, wanted, &whole, depth + 1).err());
                }
            }
        }
        let mut extra = Vec::new();
        for (name, value) in object {
            let mut schemas: Vec<&Json> = schema["properties"].get(name).into_iter().collect();
            for (pattern, schema) in schema["patternProperties"]
                .as_object()
                .into_iter()
                .flatten()
            {
                if matches(run, pattern, name) {
                    schemas.push(schema);
                }
            }
            if schemas.is_empty() {
                match schema.get("additionalProperties") {
                    Some(Json::Bool(false)) => extra.push(name.as_str()),
                    Some(schema) => schemas.push(schema),
                    None => {}
                }
            }
            run.path.push(name.clone());
            for schema in schemas {
                errors.extend(self.check(run, schema, value, depth + 1).err());
            }
            run.path.pop();
        }
        if !extra.is_empty() {
            let text = format!("additional properties {} not allowed", joined(&extra));
            errors.push(run.failure(text));
        }
        if let Some(names) = schema.get("propertyNames").filter(|_| self.draft >= 6) {
            for name in object.keys() {
                let outer = std::mem::take(&mut run.path);
                if let Err(failure) = self.check(run, names, &name.as_str().into(), depth + 1) {
                    let mut named = run.failure(format!("invalid propertyName {}", quoted(name)));
                    named.causes = if failure.is_group() {
                        failure.causes
                    } else {
                        vec![failure]
                    };
                    errors.push(named);
                }
                run.path = outer;
            }
        }
    }

    fn array(
        &self,
        run: &mut Run,
        schema: &'s Json,
        items: &[Json],
        depth: usize,
        errors: &mut Vec<Failure>,
    ) {
        for (name, least) in [("minItems", true), ("maxItems", false)] {
            bound(run, schema, name, items.len(), least, errors);
        }
        if schema["uniqueItems"] == true && items.len() <= 2_000 {
            let pairs = (0..items.len()).flat_map(|at| (0..at).map(move |before| (before, at)));
            let twice = pairs
                .into_iter()
                .find(|(left, right)| equal(&items[*left], &items[*right]));
            if let Some((left, right)) = twice {
                errors.push(run.failure(format!("items at {left} and {right} are equal")));
            }
        }
        let (first, rest) = match (&schema["items"], self.draft >= 2020) {
            (_, true) => (schema["prefixItems"].as_array(), schema.get("items")),
            (Json::Array(first), false) => (Some(first), schema.get("additionalItems")),
            (_, false) => (None, schema.get("items")),
        };
        let first = first.map_or(&[][..], Vec::as_slice);
        let is_false = rest == Some(&Json::Bool(false)) && self.draft < 2020 && !first.is_empty();
        if is_false && items.len() > first.len() {
            let count = items.len() - first.len();
            errors.push(run.failure(format!("last {count} additionalItem(s) not allowed")));
        }
        let rest = rest.filter(|_| !is_false);
        for (at, item) in items.iter().enumerate() {
            if let Some(schema) = first.get(at).or(rest) {
                run.path.push(at.to_string());
                errors.extend(self.check(run, schema, item, depth + 1).err());
                run.path.pop();
            }
        }
        if let Some(wanted) = schema.get("contains").filter(|_| self.draft >= 6) {
            let (mut causes, mut matched) = (Vec::new(), Vec::new());
            for (at, item) in items.iter().enumerate() {
                run.path.push(at.to_string());
                match self.check(run, wanted, item, depth + 1) {
                    Ok(()) => matched.push(at.to_string()),
                    Err(failure) => causes.push(failure),
                }
                run.path.pop();
            }
            contained(run, schema, &matched, causes, errors);
        }
    }

    fn conditions(
        &self,
        run: &mut Run,
        schema: &'s Json,
        value: &Json,
        depth: usize,
        errors: &mut Vec<Failure>,
    ) {
        let depth = depth + 1;
        if let Some(not) = schema.get("not")
            && self.check(run, not, value, depth).is_ok()
        {
            errors.push(run.failure("'not' failed"));
        }
        let list = |name: &str| schema[name].as_array().map_or(&[][..], Vec::as_slice);
        let mut failed = |run: &Run, text: String, causes: Vec<Failure>| {
            let mut failure = run.failure(text);
            failure.causes = causes;
            errors.push(failure);
        };
        let all: Vec<Failure> = list("allOf")
            .iter()
            .filter_map(|schema| self.check(run, schema, value, depth).err())
            .collect();
        if !all.is_empty() {
            failed(run, "'allOf' failed".into(), all);
        }
        let any = list("anyOf");
        let mut causes = Vec::new();
        if !any.is_empty()
            && any.iter().all(|schema| {
                let failure = self.check(run, schema, value, depth).err();
                let fails = failure.is_some();
                causes.extend(failure);
                fails
            })
        {
            failed(run, "'anyOf' failed".into(), causes);
        }
        let one = list("oneOf");
        let (mut matched, mut causes) = (Vec::new(), Vec::new());
        for (at, schema) in one.iter().enumerate() {
            match self.check(run, schema, value, depth) {
                Ok(()) => matched.push(at),
                Err(failure) => causes.push(failure),
            }
        }
        match matched.as_slice() {
            [] if !one.is_empty() => failed(run, "'oneOf' failed, none matched".into(), causes),
            [first, second, ..] => {
                let text = format!("'oneOf' failed, subschemas {first}, {second} matched");
                failed(run, text, Vec::new());
            }
            _ => {}
        }
        if let Some(condition) = schema.get("if").filter(|_| self.draft >= 7) {
            let holds = self.check(run, condition, value, depth).is_ok();
            if let Some(branch) = schema.get(if holds { "then" } else { "else" }) {
                errors.extend(self.check(run, branch, value, depth).err());
            }
        }
    }
}

/// `contains` with its bounds.
fn contained(
    run: &Run,
    schema: &Json,
    matched: &[String],
    causes: Vec<Failure>,
    errors: &mut Vec<Failure>,
) {
    let (count, places) = (matched.len() as u64, matched.join(" "));
    match schema["minContains"].as_u64() {
        None if count == 0 => {
            let mut failure = run.failure("no items match contains schema");
            failure.causes = causes;
            errors.push(failure);
        }
        Some(least) if count < least => {
            let found = if count == 0 {
                "but none matched".to_owned()
            } else {
                format!("but matched {count} items at {places}")
            };
            let text = format!("min {least} items required to match contains schema, {found}");
            let mut failure = run.failure(text);
            failure.causes = causes;
            errors.push(failure);
        }
        _ => {}
    }
    if let Some(most) = schema["maxContains"].as_u64().filter(|most| count > *most) {
        errors.push(run.failure(format!(
            "max {most} items required to match contains schema, but matched {count} items \
             at {places}"
        )));
    }
}

/// A schema inside another for which the test holds.
fn find<'s>(schema: &'s Json, test: &dyn Fn(&Json) -> bool, depth: usize) -> Option<&'s Json> {
    if depth > MAX_DEPTH {
        return None;
    }
    if test(schema) {
        return Some(schema);
    }
    match schema {
        Json::Object(map) => map.values().find_map(|inner| find(inner, test, depth + 1)),
        Json::Array(items) => items.iter().find_map(|inner| find(inner, test, depth + 1)),
        _ => None,
    }
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = text
            .get(at + 1..at + 3)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], code) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn missing<'j>(wanted: &'j Json, object: &Table) -> Vec<&'j str> {
    let names = wanted
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Json::as_str);
    names.filter(|name| !object.contains_key(*name)).collect()
}

/// A bound on a count, such as `minItems`.
fn bound(
    run: &Run,
    schema: &Json,
    name: &str,
    count: usize,
    least: bool,
    errors: &mut Vec<Failure>,
) {
    let Some(wanted) = schema[name].as_f64() else {
        return;
    };
    let count_value = count as f64;
    if (least && count_value < wanted) || (!least && count_value > wanted) {
        let (got, want) = (number_text(&count.into()), number_text(&wanted.into()));
        errors.push(run.failure(format!("{name}: got {got}, want {want}")));
    }
}

fn matches(run: &mut Run, pattern: &str, text: &str) -> bool {
    match Regexp::new(pattern) {
        Ok(regexp) => regexp.is_match(text.as_bytes()),
        Err(error) => {
            run.stop
                .get_or_insert_with(|| format!("{} is not valid regex: {error}", quoted(pattern)));
            true
        }
    }
}

fn string(run: &mut Run, schema: &Json, text: &str, errors: &mut Vec<Failure>) {
    let length = text.chars().count();
    for (name, least) in [("minLength", true), ("maxLength", false)] {
        bound(run, schema, name, length, least, errors);
    }
    if let Some(pattern) = schema["pattern"].as_str()
        && !matches(run, pattern, text)
    {
        let message = format!(
            "{} does not match pattern {}",
            quoted(text),
            quoted(pattern)
        );
        errors.push(run.failure(message));
    }
}

fn number(run: &Run, schema: &Json, value: &Json, errors: &mut Vec<Failure>) {
    let Some(number) = value.as_f64() else { return };
    let limit = |name: &str| schema[name].as_f64();
    let mut fail = |name: &str, want: f64| {
        let (got, want) = (number_text(value), number_text(&want.into()));
        errors.push(run.failure(format!("{name}: got {got}, want {want}")));
    };
    // In draft 4 `exclusive*` are flags of the bounds.
    let strict = |name: &str| schema[name] == true;
    for (name, exclusive, sign) in [
        ("minimum", "exclusiveMinimum", 1.0),
        ("maximum", "exclusiveMaximum", -1.0),
    ] {
        if let Some(want) = limit(name) {
            if strict(exclusive) && (number - want) * sign <= 0.0 {
                fail(exclusive, want);
            } else if (number - want) * sign < 0.0 {
                fail(name, want);
            }
        }
        if let Some(want) = limit(exclusive)
            && (number - want) * sign <= 0.0
        {
            fail(exclusive, want);
        }
    }
    if let Some(want) = limit("multipleOf")
        && want > 0.0
    {
        let quotient = number / want;
        if (quotient - quotient.round()).abs() > 1e-9 * quotient.abs().max(1.0) {
            fail("multipleOf", want);
        }
    }
}
