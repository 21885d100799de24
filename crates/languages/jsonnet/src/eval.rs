//! The interpreter.

mod calls;
mod imports;
mod objects;
mod operators;

use crate::ast::{Bind, Expr, Kind, Spec};
use crate::error::JsonnetError;
use crate::heap::{EnvId, Heap, ObjectId, Thunk, ThunkId};
use crate::value::{Function, Names, Value};
use crate::{Imported, Input, Options};
use std::collections::HashMap;
use std::rc::Rc;

pub(crate) type Outcome = Result<Value, JsonnetError>;

/// Asks for an import: which file asks, and for what.
pub(crate) type Remote = Box<dyn FnMut(&str, &str) -> Result<Imported, String>>;

/// How deep evaluations may stand in each other; the thread's stack is made for it.
pub(crate) const MAX_NESTING: u32 = 20_000;

pub(crate) struct Interpreter<'a> {
    pub(crate) heap: Heap,
    pub(crate) names: Names,
    options: &'a Options,
    remote: Remote,
    imports: imports::Cache,
    ext_vars: HashMap<String, ThunkId>,
    std: Option<ObjectId>,
    calls: u32,
    nesting: u32,
}

impl<'a> Interpreter<'a> {
    pub(crate) fn new(options: &'a Options, remote: Remote) -> Self {
        Self {
            heap: Heap::new(options.limits),
            names: Names::new(),
            options,
            remote,
            imports: imports::Cache::default(),
            ext_vars: HashMap::new(),
            std: None,
            calls: 0,
            nesting: 0,
        }
    }

    /// Evaluates a file to JSON.
    pub(crate) fn run(
        mut self,
        file: &str,
        source: &str,
    ) -> Result<serde_json::Value, JsonnetError> {
        let (env, expr) = self.load(file, source)?;
        let mut value = self.eval(env, &expr, false)?;
        if let Value::Function(function) = &value {
            let mut named = Vec::new();
            for (name, input) in &self.options.top_level {
                let thunk = self.input("top-level-arg", name, input)?;
                named.push((self.names.intern(name), thunk));
            }
            let function = function.clone();
            value = self
                .apply(&function, vec![], named)
                .map_err(|e| e.at_first(&expr.loc))?;
        }
        self.json(&value).map_err(|e| e.at_first(&expr.loc))
    }

    /// A value from outside.
    fn input(&mut self, kind: &str, name: &str, input: &Input) -> Result<ThunkId, JsonnetError> {
        match input {
            Input::Text(text) => {
                let value = self.heap.text(text.clone())?;
                self.heap.done(value)
            }
            Input::Code(code) => {
                let (env, expr) = self.load(&format!("<{kind}:{name}>"), code)?;
                self.heap.thunk(Thunk::Code(env, expr))
            }
        }
    }

    pub(crate) fn ext_var(&mut self, name: &str) -> Outcome {
        if let Some(known) = self.ext_vars.get(name) {
            return self.force(*known);
        }
        let Some(input) = self.options.ext_vars.get(name) else {
            return Err(JsonnetError::new(format!(
                "Undefined external variable: {name}"
            )));
        };
        let thunk = self.input("extvar", name, input)?;
        self.ext_vars.insert(name.to_owned(), thunk);
        self.force(thunk)
    }

    /// One more call within calls.
    fn enter(&mut self) -> Result<(), JsonnetError> {
        if self.calls >= self.options.limits.calls {
            return Err(JsonnetError::limit("max stack frames exceeded."));
        }
        self.calls += 1;
        Ok(())
    }

    /// Runs `inner` as one more call within calls.
    pub(crate) fn within<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, JsonnetError>,
    ) -> Result<T, JsonnetError> {
        self.enter()?;
        let result = inner(self);
        self.calls -= 1;
        result
    }

    /// Runs `inner` one level deeper on the thread's own stack.
    pub(crate) fn nested<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, JsonnetError>,
    ) -> Result<T, JsonnetError> {
        if self.nesting >= MAX_NESTING {
            return Err(JsonnetError::limit(format!(
                "evaluations stand more than {MAX_NESTING} deep in each other"
            )));
        }
        self.nesting += 1;
        let result = inner(self);
        self.nesting -= 1;
        result
    }

    /// The value of a thunk, worked out at most once.
    pub(crate) fn force(&mut self, id: ThunkId) -> Outcome {
        if let Thunk::Done(value) = self.heap.get(id) {
            return Ok(value.clone());
        }
        let thunk = self.heap.set(id, Thunk::Busy);
        let value = self.within(|this| match thunk {
            Thunk::Done(value) => Ok(value),
            Thunk::Code(env, expr) => this.eval(env, &expr, false),
            Thunk::Call(function, argument) => this.call(&function, &[argument]),
            Thunk::CallPair(function, a, b) => this.call(&function, &[a, b]),
            Thunk::Field(object, name) => this.index(object, name),
            Thunk::Busy => Err(JsonnetError::limit("max stack frames exceeded.")),
        })?;
        self.heap.set(id, Thunk::Done(value.clone()));
        Ok(value)
    }

    /// Evaluates an expression. `trims`: it is the last thing that a `tailstrict` call does, so
    /// that what it calls takes that call's place.
    pub(crate) fn eval(&mut self, env: EnvId, expr: &Expr, trims: bool) -> Outcome {
        let calls = self.calls;
        let result = self.nested(|this| this.tail(env, expr, trims));
        self.calls = calls;
        result.map_err(|error| error.at_first(&expr.loc))
    }

    /// Goes on in place for whatever an expression ends with, so that loops need no stack.
    fn tail(&mut self, mut env: EnvId, expr: &Expr, mut trims: bool) -> Outcome {
        let mut expr = expr.clone();
        let mut caller: Option<Expr> = None;
        loop {
            let next = self.advance(&mut env, &expr, &mut trims);
            let (next, is_call) = match next {
                Ok(Next::Value(value)) => return Ok(value),
                Ok(Next::Expr(next)) => (next, false),
                Ok(Next::Body(next)) => (next, true),
                Err(error) => {
                    let error = error.at_first(&expr.loc);
                    return Err(match &caller {
                        Some(caller) => error.at(&caller.loc),
                        None => error,
                    });
                }
            };
            let left = std::mem::replace(&mut expr, next);
            if is_call {
                caller = Some(left);
            }
        }
    }

    fn advance(
        &mut self,
        env: &mut EnvId,
        expr: &Expr,
        trims: &mut bool,
    ) -> Result<Next, JsonnetError> {
        self.heap.step(1)?;
        Ok(match &expr.kind {
            Kind::Constant(value) => Next::Value(value.clone()),
            Kind::Var(_, address) => {
                let address = address.get();
                let thunk = self.heap.slot(*env, address.out, address.index);
                Next::Value(self.force(thunk)?)
            }
            Kind::If(condition, then, otherwise) => {
                if self.truth(*env, condition)? {
                    Next::Expr(then.clone())
                } else {
                    match otherwise {
                        Some(otherwise) => Next::Expr(otherwise.clone()),
                        None => Next::Value(Value::Null),
                    }
                }
            }
            Kind::Local(binds, body) => {
                *env = self.local(*env, binds)?;
                Next::Expr(body.clone())
            }
            Kind::Assert(condition, message, rest) => {
                if !self.truth(*env, condition)? {
                    let text = match message {
                        None => "Assertion failed".to_owned(),
                        Some(message) => {
                            let message = self.eval(*env, message, false)?;
                            self.shown(&message)?
                        }
                    };
                    return Err(JsonnetError::new(text));
                }
                Next::Expr(rest.clone())
            }
            Kind::Apply(apply) => {
                let target = self.eval(*env, &apply.target, false)?;
                let Value::Function(function) = target else {
                    return Err(wrong_type(&target, "function"));
                };
                let (positional, named) = self.arguments(*env, apply)?;
                match &*function {
                    Function::Builtin(builtin) => {
                        Next::Value(self.builtin(builtin, positional, named)?)
                    }
                    Function::Closure(node, closure) => {
                        let frame = self.bind(node, *closure, positional, named)?;
                        if *trims {
                            self.calls = self.calls.saturating_sub(1);
                        }
                        self.enter()?;
                        *trims = apply.is_strict;
                        *env = frame;
                        Next::Body(node.body.clone())
                    }
                }
            }
            _ => Next::Value(self.plain(*env, expr, *trims)?),
        })
    }

    /// Expressions that do not go on in place.
    fn plain(&mut self, env: EnvId, expr: &Expr, trims: bool) -> Outcome {
        match &expr.kind {
            Kind::This => {
                let (object, _) = self.heap.around(env).expect("`self` stands in an object");
                Ok(Value::Object(object))
            }
            Kind::Index(target, index) => self.element(env, target, index),
            Kind::Slice(target, parts) => self.slice(env, target, parts),
            Kind::SuperIndex(index) => {
                let (object, layer) = self.heap.around(env).expect("`super` stands in an object");
                let name = self.field_name(env, index)?;
                if layer == 0 {
                    return Err(JsonnetError::new(
                        "Attempt to use super when there is no super class.",
                    ));
                }
                self.field(object, name, layer)
            }
            Kind::InSuper(index) => {
                let (object, layer) = self.heap.around(env).expect("`super` stands in an object");
                let name = self.field_name(env, index)?;
                let flat = self.heap.flat(object)?;
                Ok(Value::Bool(flat.find(name, layer).is_some()))
            }
            Kind::Array(elements) => {
                let elements = elements
                    .iter()
                    .map(|element| self.delay(env, element))
                    .collect::<Result<Vec<_>, _>>()?;
                self.heap.list(elements)
            }
            Kind::ArrayComp(element, specs) => {
                let mut elements = Vec::new();
                self.comprehend(env, specs, &mut |this, env| {
                    elements.push(this.delay(env, element)?);
                    Ok(())
                })?;
                self.heap.list(elements)
            }
            Kind::Object(object) => self.object(env, object),
            Kind::ObjectComp(object, specs) => self.object_comprehension(env, object, specs),
            Kind::Function(function) => {
                self.heap.take(48)?;
                Ok(Value::Function(Rc::new(Function::Closure(
                    function.clone(),
                    env,
                ))))
            }
            Kind::Error(message) => {
                let message = self.eval(env, message, false)?;
                Err(JsonnetError::new(self.shown(&message)?))
            }
            Kind::Import(kind, path) => self
                .import(*kind, path, &expr.loc)
                .map_err(|error| error.at(&expr.loc)),
            Kind::Unary(operator, operand) => {
                let operand = self.eval(env, operand, trims)?;
                operators::unary(*operator, &operand)
            }
            Kind::Binary(operator, left, right) => self.binary(*operator, env, left, right, trims),
            _ => unreachable!("these go on in place"),
        }
    }

    pub(crate) fn truth(&mut self, env: EnvId, condition: &Expr) -> Result<bool, JsonnetError> {
        match self.eval(env, condition, false)? {
            Value::Bool(value) => Ok(value),
            other => Err(wrong_type(&other, "boolean").at(&condition.loc)),
        }
    }

    /// A thunk for an expression; constants and variables need no new work.
    pub(crate) fn delay(&mut self, env: EnvId, expr: &Expr) -> Result<ThunkId, JsonnetError> {
        match &expr.kind {
            Kind::Constant(value) => self.heap.done(value.clone()),
            Kind::Var(_, address) => {
                let address = address.get();
                Ok(self.heap.slot(env, address.out, address.index))
            }
            _ => self.heap.thunk(Thunk::Code(env, expr.clone())),
        }
    }

    fn local(&mut self, env: EnvId, binds: &[Bind]) -> Result<EnvId, JsonnetError> {
        self.heap.recursive(Some(env), None, None, binds)
    }

    /// Runs `each` in a frame of every element that a comprehension goes through.
    fn comprehend(
        &mut self,
        env: EnvId,
        specs: &[Spec],
        each: &mut dyn FnMut(&mut Self, EnvId) -> Result<(), JsonnetError>,
    ) -> Result<(), JsonnetError> {
        match specs {
            [] => each(self, env),
            [Spec::If(condition), rest @ ..] => {
                if self.truth(env, condition)? {
                    self.comprehend(env, rest, each)?;
                }
                Ok(())
            }
            [Spec::For(_, list), rest @ ..] => {
                let elements = match self.eval(env, list, false)? {
                    Value::Array(elements) => elements,
                    other => return Err(wrong_type(&other, "array").at(&list.loc)),
                };
                for element in elements.iter() {
                    self.heap.step(1)?;
                    let frame = self.heap.env(Some(env), None, &[*element])?;
                    self.comprehend(frame, rest, each)?;
                }
                Ok(())
            }
        }
    }
}

/// What an expression leads to.
enum Next {
    Value(Value),
    Expr(Expr),
    /// The body of a function that was called.
    Body(Expr),
}

pub(crate) use operators::checked;

pub(crate) fn wrong_type(value: &Value, expected: &str) -> JsonnetError {
    let found = value.type_name();
    JsonnetError::new(format!("Unexpected type {found}, expected {expected}"))
}
