//! Functions a template may call: their table, their signatures and what a call can reach.
//!
//! A function is a plain Rust closure over values. A signature, where one is given, lets the
//! engine check and convert arguments as Go's reflection does, with Go's own error texts.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use crate::value::{GoStr, GoTime, Value};

/// What one execution takes from its caller: clock, randomness, and the caller's own state.
/// It is `Send` because a deep execution goes on with the stack of another thread.
pub trait Env: Send {
    /// The current time.
    fn now(&mut self) -> GoTime;

    /// Fills `bytes` with randomness (or with a reproducible stream, as the caller decides).
    fn random(&mut self, bytes: &mut [u8]);

    /// The caller's own state, for its own functions to downcast.
    fn as_any_mut(&mut self) -> &mut dyn Any;

    /// Whether the execution has run out of time; asked every few thousand steps.
    fn expired(&mut self) -> bool {
        false
    }
}

/// An environment with a fixed clock and a seeded, reproducible random stream.
#[derive(Clone, Debug)]
pub struct FixedEnv {
    now: GoTime,
    state: u64,
}

impl FixedEnv {
    /// An environment at this time with this seed. The stream is SplitMix64: reproducible, and
    /// nothing to make keys from.
    pub fn new(now: GoTime, seed: u64) -> Self {
        Self { now, state: seed }
    }
}

impl Default for FixedEnv {
    fn default() -> Self {
        let epoch = jiff::Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC);
        Self::new(GoTime::new(epoch), 0)
    }
}

impl Env for FixedEnv {
    fn now(&mut self) -> GoTime {
        self.now.clone()
    }

    fn random(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = self.state;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            word ^= word >> 31;
            chunk.copy_from_slice(&word.to_le_bytes()[..chunk.len()]);
        }
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// Why a function failed. The text is Go's, as the function itself would return it; the engine
/// adds template, line and column.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FuncError {
    message: String,
    kind: FuncErrorKind,
    causes: Causes,
}

/// The texts of the errors that an error wraps, the nearest first. Cheap to clone: an error that
/// comes up through a thousand templates shares them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Causes(Option<Arc<(String, Causes)>>);

impl Causes {
    /// These causes with a nearer one before them.
    pub(crate) fn below(&self, text: String) -> Self {
        Self(Some(Arc::new((text, self.clone()))))
    }

    /// The texts, the nearest first.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        std::iter::successors(self.0.as_deref(), |(_, next)| next.0.as_deref())
            .map(|(text, _)| text.as_str())
    }
}

/// What sort of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FuncErrorKind {
    /// The function's own.
    Failed,
    /// A limit (steps, depth, bytes, time) was reached.
    Limit,
    /// A source given to [`CallCx::execute_source`] is no template.
    Parse,
}

impl FuncError {
    /// An ordinary failure.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            kind: FuncErrorKind::Failed,
            causes: Causes::default(),
        }
    }

    /// A failure because a limit (steps, depth, bytes, time) was reached.
    pub fn limit(message: impl Into<String>) -> Self {
        Self {
            kind: FuncErrorKind::Limit,
            ..Self::new(message)
        }
    }

    /// A failure because a source is no template.
    pub fn parse(message: impl Into<String>) -> Self {
        Self {
            kind: FuncErrorKind::Parse,
            ..Self::new(message)
        }
    }

    /// The same kind of failure under a new text, which wraps this one.
    pub fn wrapped(self, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            kind: self.kind,
            causes: self.causes.below(self.message),
        }
    }

    pub(crate) fn with_causes(mut self, causes: Causes) -> Self {
        self.causes = causes;
        self
    }

    /// The text.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The texts of the errors that this one wraps.
    pub fn causes(&self) -> &Causes {
        &self.causes
    }

    /// What sort of failure it was.
    pub fn kind(&self) -> FuncErrorKind {
        self.kind
    }

    /// Whether a limit was reached.
    pub fn is_limit(&self) -> bool {
        self.kind == FuncErrorKind::Limit
    }
}

impl From<String> for FuncError {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

impl From<&str> for FuncError {
    fn from(message: &str) -> Self {
        Self::new(message)
    }
}

/// The running execution, as seen by a function: named templates and the shared budget.
pub trait Nested: Send {
    /// Executes the named template of the current set.
    fn execute(&mut self, env: &mut dyn Env, name: &str, data: &Value) -> Result<GoStr, FuncError>;

    /// Parses `source` as a template called `name` whose definitions overlay the current set,
    /// and executes it.
    fn execute_source(
        &mut self,
        env: &mut dyn Env,
        name: &str,
        source: &str,
        data: &Value,
    ) -> Result<GoStr, FuncError>;

    /// Charges work to the budget of the execution: `steps` of computation and `bytes` of memory
    /// about to be made.
    fn charge(&mut self, steps: u64, bytes: u64) -> Result<(), FuncError>;
}

/// What a function can reach while it runs.
pub struct CallCx<'a> {
    /// The caller's clock, randomness and state.
    pub env: &'a mut dyn Env,
    nested: Option<&'a mut dyn Nested>,
}

impl<'a> CallCx<'a> {
    /// A context inside a running execution.
    pub fn new(env: &'a mut dyn Env, nested: &'a mut dyn Nested) -> Self {
        Self {
            env,
            nested: Some(nested),
        }
    }

    /// A context outside of any execution, for tests of single functions: no templates, no
    /// budget.
    pub fn detached(env: &'a mut dyn Env) -> Self {
        Self { env, nested: None }
    }

    /// Executes the named template of the current set with `data` as its dot. It shares the
    /// limits of the running execution.
    pub fn execute(&mut self, name: &str, data: &Value) -> Result<GoStr, FuncError> {
        match &mut self.nested {
            Some(nested) => nested.execute(self.env, name, data),
            None => Err(FuncError::new(format!("template: no template {name:?}"))),
        }
    }

    /// Parses `source` under `name`, overlaying the current set with what it defines, and
    /// executes it with `data` as its dot.
    pub fn execute_source(
        &mut self,
        name: &str,
        source: &str,
        data: &Value,
    ) -> Result<GoStr, FuncError> {
        match &mut self.nested {
            Some(nested) => nested.execute_source(self.env, name, source, data),
            None => Err(FuncError::new(format!("template: no template {name:?}"))),
        }
    }

    /// Charges `bytes` about to be allocated (and a step for each 16) to the execution's budget:
    /// call it before making something whose size the template chooses.
    pub fn charge(&mut self, bytes: u64) -> Result<(), FuncError> {
        match &mut self.nested {
            Some(nested) => nested.charge(1 + bytes / 16, bytes),
            None if bytes > 1 << 28 => Err(FuncError::limit("result too large")),
            None => Ok(()),
        }
    }
}

/// A function: arguments in, value out.
pub type Func = Arc<dyn Fn(&mut CallCx<'_>, &[Value]) -> Result<Value, FuncError> + Send + Sync>;

/// A parameter's Go type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ty {
    /// `interface {}`
    Any,
    /// `string`
    String,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `int64`
    Int64,
    /// `float64`
    Float,
    /// `[]byte`
    Bytes,
    /// `[]interface {}`
    List,
    /// `[]string`: only lists made of strings fit
    Strings,
    /// `map[string]interface {}`
    Map,
    /// `time.Time`
    Time,
    /// `time.Duration`
    Duration,
    /// `error`, `reflect.Value` and others that take a value as it stands
    Raw,
}

/// A function's parameter types; the last one repeats where it is variadic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The types in order.
    pub params: Vec<Ty>,
    /// Whether the last type may occur any number of times.
    pub variadic: bool,
}

impl Signature {
    /// Reads a signature such as `"int, string"` or `"string, ...any"`: the words are any,
    /// string, bool, int, int64, float64, bytes, list, strings, map, time, duration, raw.
    ///
    /// # Panics
    /// On an unknown word: signatures are constants of the program.
    pub fn of(text: &str) -> Self {
        let mut variadic = false;
        let words = text
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty());
        let params = words
            .map(|word| {
                let (repeats, word) = word
                    .strip_prefix("...")
                    .map_or((false, word), |rest| (true, rest));
                variadic |= repeats;
                match word {
                    "any" => Ty::Any,
                    "string" => Ty::String,
                    "bool" => Ty::Bool,
                    "int" => Ty::Int,
                    "int64" => Ty::Int64,
                    "float64" => Ty::Float,
                    "bytes" => Ty::Bytes,
                    "list" => Ty::List,
                    "strings" => Ty::Strings,
                    "map" => Ty::Map,
                    "time" => Ty::Time,
                    "duration" => Ty::Duration,
                    "raw" => Ty::Raw,
                    other => panic!("unknown type `{other}` in the signature `{text}`"),
                }
            })
            .collect();
        Self { params, variadic }
    }
}

/// A function with its signature. Without one, any number of any arguments is passed through.
#[derive(Clone)]
pub struct FuncEntry {
    /// The code.
    pub func: Func,
    /// The parameter types.
    pub signature: Option<Arc<Signature>>,
}

/// Functions by name. Cheap to clone: the code is shared.
#[derive(Clone, Default)]
pub struct FuncTable {
    entries: HashMap<Arc<str>, FuncEntry>,
}

impl FuncTable {
    /// An empty table. The built-in functions (`and`, `eq`, `printf`, ..) are always there and
    /// may be replaced by an entry of the same name.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a function that takes any number of any arguments, and returns the table.
    pub fn with<F>(mut self, name: &str, func: F) -> Self
    where
        F: Fn(&mut CallCx<'_>, &[Value]) -> Result<Value, FuncError> + Send + Sync + 'static,
    {
        self.insert(name, Arc::new(func));
        self
    }

    /// Adds a function whose arguments are counted, checked and converted as Go's reflection
    /// does for this signature (see [`Signature::of`]), and returns the table. An `int` or
    /// `int64` parameter then always arrives as [`Value::Int`] or [`Value::Int64`], a `string`
    /// as [`Value::Str`]; maps and lists may be [`Value::Nil`].
    pub fn with_typed<F>(mut self, name: &str, signature: &str, func: F) -> Self
    where
        F: Fn(&mut CallCx<'_>, &[Value]) -> Result<Value, FuncError> + Send + Sync + 'static,
    {
        let signature = Some(Arc::new(Signature::of(signature)));
        self.entries.insert(
            name.into(),
            FuncEntry {
                func: Arc::new(func),
                signature,
            },
        );
        self
    }

    /// Adds or replaces a function that takes any number of any arguments.
    pub fn insert(&mut self, name: &str, func: Func) {
        self.entries.insert(
            name.into(),
            FuncEntry {
                func,
                signature: None,
            },
        );
    }

    /// Adds or replaces a function with its entry.
    pub fn insert_entry(&mut self, name: &str, entry: FuncEntry) {
        self.entries.insert(name.into(), entry);
    }

    /// Takes over all functions of `other`, which win.
    pub fn merge(&mut self, other: &FuncTable) {
        let entries = other
            .entries
            .iter()
            .map(|(name, entry)| (name.clone(), entry.clone()));
        self.entries.extend(entries);
    }

    /// The table without these names.
    pub fn without(mut self, names: &[&str]) -> Self {
        for name in names {
            self.entries.remove(*name);
        }
        self
    }

    /// The function of this name.
    pub fn get(&self, name: &str) -> Option<&FuncEntry> {
        self.entries.get(name)
    }

    /// All names, in no order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(|name| &**name)
    }
}

impl std::fmt::Debug for FuncTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut names: Vec<_> = self.names().collect();
        names.sort_unstable();
        f.debug_struct("FuncTable").field("names", &names).finish()
    }
}
