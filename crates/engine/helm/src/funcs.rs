//! Helm's own template functions, on top of sprig's.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use argosy_gotmpl::{
    CallCx, Env, FuncError, FuncErrorKind, FuncTable, GoStr, GoTime, Value, gofmt,
};
use argosy_object::{Digest, Value as Json};

use crate::outside::Resolve;
use crate::{pretty, toml};

/// Marks what `required` and `fail` say, so that the error can be cut down to it.
pub(crate) const WARN_START: &str = "HELM_ERR_START";
pub(crate) const WARN_END: &str = "HELM_ERR_END";

/// How often a template may be in the middle of including itself.
const MAX_RECURSION: u32 = 1_000;

/// What may be written out by one function: items, plus a unit for each 16 bytes.
const MAX_WEIGHT: u64 = 4 << 20;

/// A look into the cluster that a template asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lookup {
    /// `apps/v1`
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// Empty: the cluster scope or all namespaces.
    pub namespace: String,
    /// Empty: a list.
    pub name: String,
}

/// What `lookup` finds.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Lookups {
    /// Nothing, ever: what `helm template` does.
    #[default]
    Off,
    /// These answers; an absent object is JSON null. What is not answered yet is asked for.
    Answers(BTreeMap<Lookup, Json>),
}

/// Whether the time for a rendering is used up.
pub type Expired = Arc<dyn Fn() -> bool + Send + Sync>;

/// One rendering's clock, randomness and state.
pub(crate) struct RenderEnv {
    now: GoTime,
    seed: Digest,
    /// The seed of the template that is being rendered.
    stream: Digest,
    drawn: u64,
    /// Bytes of the last block that nobody took yet.
    block: Vec<u8>,
    lookups: Lookups,
    expired: Option<Expired>,
    included: HashMap<Box<str>, u32>,
    /// Whether `required` and `fail` let pass, as in `helm lint`.
    pub is_lenient: bool,
    /// What `getHostByName` asks.
    pub resolve: Option<Resolve>,
    pub wanted: BTreeSet<Lookup>,
}

impl RenderEnv {
    pub fn new(now: GoTime, seed: Digest, lookups: Lookups, expired: Option<Expired>) -> Self {
        Self {
            now,
            seed,
            stream: seed,
            drawn: 0,
            block: Vec::new(),
            lookups,
            expired,
            included: HashMap::new(),
            is_lenient: false,
            resolve: None,
            wanted: BTreeSet::new(),
        }
    }

    /// Begins a template: what it draws does not depend on what others drew before.
    pub fn begin(&mut self, template: &str) {
        self.stream = Digest::of_parts([&self.seed.0[..], template.as_bytes()]);
        self.drawn = 0;
        self.block.clear();
    }
}

impl Env for RenderEnv {
    fn now(&mut self) -> GoTime {
        self.now.clone()
    }

    /// A stream made of the seed: the same inputs give the same bytes.
    fn random(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            if self.block.is_empty() {
                self.drawn += 1;
                let block = Digest::of_parts([&self.stream.0[..], &self.drawn.to_le_bytes()[..]]);
                self.block.extend_from_slice(&block.0);
            }
            *byte = self.block.pop().unwrap_or_default();
        }
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn expired(&mut self) -> bool {
        self.expired.as_ref().is_some_and(|expired| expired())
    }
}

/// All functions of a chart's templates.
pub(crate) fn functions() -> Arc<FuncTable> {
    static TABLE: LazyLock<Arc<FuncTable>> = LazyLock::new(|| {
        let table = argosy_sprig::functions()
            .clone()
            .without(&["env", "expandenv"]);
        Arc::new(own(table))
    });
    TABLE.clone()
}

fn own(table: FuncTable) -> FuncTable {
    table
        .with_typed("include", "string, any", include)
        .with_typed("tpl", "string, any", tpl)
        .with_typed("required", "string, any", |cx, args| match &args[1] {
            Value::Nil => refused(cx, &args[0]),
            Value::Str(text) if text.is_empty() => refused(cx, &args[0]),
            found => Ok(found.clone()),
        })
        .with_typed("fail", "string", |cx, args| refused(cx, &args[0]))
        .with_typed("lookup", "string, string, string, string", lookup)
        .with_typed("getHostByName", "string", host_address)
        .with_typed(
            "toYaml",
            "any",
            |cx, args| Ok(to_yaml(cx, &args[0])?.into()),
        )
        .with_typed("mustToYaml", "any", |cx, args| {
            Ok(to_yaml(cx, &args[0])?.into())
        })
        .with_typed("toYamlPretty", "any", |cx, args| {
            weigh(cx, &args[0])?;
            Ok(pretty::write(&args[0]).trim_end_matches('\n').into())
        })
        .with_typed("fromYaml", "string", |cx, args| {
            from_yaml(cx, &args[0], Shape::Map)
        })
        .with_typed("fromYamlArray", "string", |cx, args| {
            from_yaml(cx, &args[0], Shape::List)
        })
        .with_typed(
            "toJson",
            "any",
            |cx, args| Ok(to_json(cx, &args[0])?.into()),
        )
        .with_typed("mustToJson", "any", |cx, args| {
            Ok(to_json(cx, &args[0])?.into())
        })
        .with_typed("fromJson", "string", |cx, args| {
            from_json(cx, &args[0], Shape::Map)
        })
        .with_typed("fromJsonArray", "string", |cx, args| {
            from_json(cx, &args[0], Shape::List)
        })
        .with_typed("toToml", "any", |cx, args| {
            weigh(cx, &args[0])?;
            Ok(toml::write(&args[0]).unwrap_or_else(|error| error).into())
        })
        .with_typed("fromToml", "string", |cx, args| {
            let text = text_of(&args[0]);
            cx.charge(text.len() as u64 * 8)?;
            Ok(toml::read(&text).unwrap_or_else(|error| error_table(&error)))
        })
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Str(text) => text.lossy().into_owned(),
        _ => String::new(),
    }
}

/// The end of a rendering that misses something, which linting passes over.
fn refused(cx: &mut CallCx<'_>, message: &Value) -> Result<Value, FuncError> {
    let env = cx.env.as_any_mut().downcast_mut::<RenderEnv>();
    if env.is_some_and(|env| env.is_lenient) {
        return Ok(Value::str(""));
    }
    let text = text_of(message);
    Err(FuncError::new(format!("{WARN_START}{text}{WARN_END}")))
}

fn quoted(text: &str) -> GoStr {
    gofmt::sprintf("%q", &[Value::str(text)])
}

fn include(cx: &mut CallCx<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let name = text_of(&args[0]);
    if let Some(env) = cx.env.as_any_mut().downcast_mut::<RenderEnv>() {
        let count = env.included.entry(name.as_str().into()).or_default();
        if *count > MAX_RECURSION {
            let leaf = FuncError::new("unable to execute template");
            let text = "rendering template has a nested reference name";
            return Err(leaf.wrapped(format!("{text}: {name}: unable to execute template")));
        }
        *count += 1;
    }
    let result = cx.execute(&name, &args[1]);
    if let Some(env) = cx.env.as_any_mut().downcast_mut::<RenderEnv>()
        && let Some(count) = env.included.get_mut(name.as_str())
    {
        *count -= 1;
    }
    result.map(Value::Str)
}

fn tpl(cx: &mut CallCx<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let source = text_of(&args[0]);
    if !source.contains("{{") {
        // Text alone renders as itself.
        return Ok(Value::Str(without_no_value(&GoStr::from(source))));
    }
    match cx.execute_source("gotpl", &source, &args[1]) {
        Ok(text) => Ok(Value::Str(without_no_value(&text))),
        Err(error) if error.is_limit() => Err(error),
        Err(error) => {
            let doing = if error.kind() == FuncErrorKind::Parse {
                "cannot parse template"
            } else {
                "error during tpl function execution for"
            };
            let text = format!("{doing} {}: {}", quoted(&source), error.message());
            Err(error.wrapped(text))
        }
    }
}

/// What Go prints for no value is nothing to Helm.
pub(crate) fn without_no_value(text: &GoStr) -> GoStr {
    const MARK: &[u8] = b"<no value>";
    let bytes = text.as_bytes();
    if !bytes.windows(MARK.len()).any(|window| window == MARK) {
        return text.clone();
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at..].starts_with(MARK) {
            at += MARK.len();
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    GoStr::from(out)
}

fn lookup(cx: &mut CallCx<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let mut texts = args.iter().map(text_of);
    let mut next = || texts.next().unwrap_or_default();
    let wanted = Lookup {
        api_version: next(),
        kind: next(),
        namespace: next(),
        name: next(),
    };
    let nothing = || Ok(Value::map(argosy_gotmpl::Map::new()));
    let Some(env) = cx.env.as_any_mut().downcast_mut::<RenderEnv>() else {
        return nothing();
    };
    match &env.lookups {
        Lookups::Off => nothing(),
        Lookups::Answers(answers) => match answers.get(&wanted) {
            Some(Json::Null) => nothing(),
            Some(found) => Ok(Value::from_json(found)),
            None => {
                env.wanted.insert(wanted);
                nothing()
            }
        },
    }
}

/// The address of a host, where whoever renders wants names to be resolved.
fn host_address(cx: &mut CallCx<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let env = cx.env.as_any_mut().downcast_mut::<RenderEnv>();
    match env.and_then(|env| env.resolve.clone()) {
        None => Ok(Value::str("")),
        // Compat: Go chooses one of none here.
        Some(resolve) => resolve(&text_of(&args[0]))
            .map(Value::str)
            .ok_or_else(|| FuncError::new("invalid argument to Intn")),
    }
}

/// Charges for writing the value out.
fn weigh(cx: &mut CallCx<'_>, value: &Value) -> Result<(), FuncError> {
    let weight = value.weight(MAX_WEIGHT);
    if weight >= MAX_WEIGHT {
        return Err(FuncError::limit("the value is too large to write out"));
    }
    cx.charge(weight * 32)
}

/// The value as JSON, within what one function may write.
fn plain_json(cx: &mut CallCx<'_>, value: &Value) -> Result<Json, FuncError> {
    weigh(cx, value)?;
    Ok(value.to_json())
}

fn to_yaml(cx: &mut CallCx<'_>, value: &Value) -> Result<String, FuncError> {
    let mut text = argosy_yaml::to_string(&plain_json(cx, value)?);
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text)
}

fn to_json(cx: &mut CallCx<'_>, value: &Value) -> Result<String, FuncError> {
    Ok(argosy_yaml::write_json_go(&plain_json(cx, value)?))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Map,
    List,
}

impl Shape {
    /// The value where it has the shape; else what Helm puts in its place.
    fn take(self, json: &Json, prefix: &str) -> Value {
        let found = match json {
            Json::Null => return self.error_or_empty(None),
            Json::Object(_) if self == Self::Map => return Value::from_json_floats(json),
            Json::Array(_) if self == Self::List => return Value::from_json_floats(json),
            Json::Object(_) => "object",
            Json::Array(_) => "array",
            Json::String(_) => "string",
            Json::Bool(_) => "bool",
            Json::Number(_) => "number",
        };
        self.mismatch(found, prefix)
    }

    /// What stands in the place of a value of another shape.
    fn mismatch(self, found: &str, prefix: &str) -> Value {
        let wanted = match self {
            Self::Map => "map[string]interface {}",
            Self::List => "[]interface {}",
        };
        let text = format!("{prefix}json: cannot unmarshal {found} into Go value of type {wanted}");
        self.error_or_empty(Some(&text))
    }

    fn error_or_empty(self, error: Option<&str>) -> Value {
        match (self, error) {
            (Self::Map, None) => Value::map(argosy_gotmpl::Map::new()),
            (Self::List, None) => Value::list(Vec::new()),
            (Self::Map, Some(error)) => error_table(error),
            (Self::List, Some(error)) => Value::list(vec![Value::str(error)]),
        }
    }
}

fn error_table(error: &str) -> Value {
    Value::map(
        [(GoStr::from("Error"), Value::str(error))]
            .into_iter()
            .collect(),
    )
}

fn from_yaml(cx: &mut CallCx<'_>, text: &Value, shape: Shape) -> Result<Value, FuncError> {
    let Value::Str(text) = text else {
        return Ok(shape.error_or_empty(None));
    };
    cx.charge(text.len() as u64 * 8)?;
    Ok(match argosy_yaml::from_slice(text.as_bytes()) {
        Ok(json) => shape.take(&json, "error unmarshaling JSON: while decoding JSON: "),
        Err(error) => shape.error_or_empty(Some(&format!(
            "error converting YAML to JSON: {}",
            error.text
        ))),
    })
}

fn from_json(cx: &mut CallCx<'_>, text: &Value, shape: Shape) -> Result<Value, FuncError> {
    let Value::Str(text) = text else {
        return Ok(shape.error_or_empty(Some("unexpected end of JSON input")));
    };
    cx.charge(text.len() as u64 * 8)?;
    Ok(match argosy_sprig::json::decode(text.as_bytes()) {
        Ok(Value::Nil) => shape.error_or_empty(None),
        Ok(value @ Value::Map(_)) if shape == Shape::Map => value,
        Ok(value @ Value::List(_)) if shape == Shape::List => value,
        Ok(value) => shape.mismatch(
            match value {
                Value::Map(_) => "object",
                Value::List(_) => "array",
                Value::Str(_) => "string",
                Value::Bool(_) => "bool",
                _ => "number",
            },
            "",
        ),
        Err(text) => shape.error_or_empty(Some(&text)),
    })
}
