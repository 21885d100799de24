//! Walks a template: statements, loops, nested templates, and the budget they share.
//!
//! `exec/eval.rs` evaluates pipelines and fields, `exec/call.rs` calls functions.

mod call;
mod eval;

use std::collections::HashMap;
use std::sync::Arc;

use crate::ast::*;
use crate::func::{Causes, Env, FuncError, Nested};
use crate::gofmt::append_value;
use crate::quote::quote;
use crate::set::{ExecError, Limits, Set};
use crate::slot::Slot;
use crate::value::{GoStr, Value};

pub(crate) type Fault = Box<ExecError>;

/// Levels of evaluation that fit the stack of the thread that called us, and the stack of the
/// threads that carry deeper ones.
const FIRST_SEGMENT: usize = 120;
const SEGMENT: usize = 1_500;
const SEGMENT_BYTES: usize = 16 << 20;

/// How often the caller is asked whether time is up.
const STEPS_BETWEEN_CLOCKS: u64 = 4_096;

/// At most this many sources given to `execute_source` are kept parsed in one execution.
const KEPT_SOURCES: usize = 256;

/// What is left of the limits of one execution.
pub(crate) struct Budget {
    limits: Limits,
    steps: u64,
    memory: u64,
    depth: usize,
    stack: usize,
    stack_end: usize,
    sources: HashMap<(usize, Box<str>, Box<str>), Arc<Set>>,
}

impl Budget {
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            steps: 0,
            memory: 0,
            depth: 0,
            stack: 0,
            stack_end: FIRST_SEGMENT,
            sources: HashMap::new(),
        }
    }

    fn step(&mut self, steps: u64) -> Result<bool, FuncError> {
        let before = self.steps;
        self.steps = before.saturating_add(steps);
        if self.steps > self.limits.steps {
            let message = format!("exceeded the limit of {} steps", self.limits.steps);
            return Err(FuncError::limit(message));
        }
        Ok(before / STEPS_BETWEEN_CLOCKS != self.steps / STEPS_BETWEEN_CLOCKS)
    }

    fn memory(&mut self, bytes: u64) -> Result<(), FuncError> {
        self.memory = self.memory.saturating_add(bytes);
        if self.memory > self.limits.memory {
            let message = format!("exceeded the limit of {} bytes made", self.limits.memory);
            return Err(FuncError::limit(message));
        }
        Ok(())
    }
}

/// A set with the budget of the execution that runs it.
pub(crate) struct Run<'a> {
    pub set: &'a Arc<Set>,
    pub budget: &'a mut Budget,
}

impl Run<'_> {
    /// Executes a template by name.
    pub fn named(
        &mut self,
        env: &mut dyn Env,
        name: &str,
        data: &Value,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let Some(template) = self.set.lookup(name) else {
            let text = format!(
                "template: no template {} associated with template {}",
                quote(name),
                quote(self.set.name())
            );
            let template = name.to_owned();
            return Err(Box::new(ExecError {
                template,
                line: 0,
                column: 0,
                text,
                limit: false,
                causes: Causes::default(),
            }));
        };
        let dot = Slot::concrete(data.clone());
        let mut machine = Machine {
            set: self.set,
            budget: self.budget,
            env,
            out,
            template,
            vars: vec![("$".into(), dot.clone())],
            node: None,
        };
        machine.enter(&dot)
    }
}

impl Nested for Run<'_> {
    fn execute(&mut self, env: &mut dyn Env, name: &str, data: &Value) -> Result<GoStr, FuncError> {
        let mut out = Vec::new();
        self.named(env, name, data, &mut out)
            .map_err(|error| as_func_error(&error))?;
        self.budget.memory(out.len() as u64)?;
        Ok(GoStr::from(out))
    }

    fn execute_source(
        &mut self,
        env: &mut dyn Env,
        name: &str,
        source: &str,
        data: &Value,
    ) -> Result<GoStr, FuncError> {
        let key = (Arc::as_ptr(self.set) as usize, name.into(), source.into());
        let known = self.budget.sources.get(&key).cloned();
        let set = match known {
            Some(set) => set,
            None => {
                self.charge(1 + source.len() as u64 / 8, source.len() as u64 * 4)?;
                let set = self.set.overlay(name, source);
                let set = Arc::new(set.map_err(|error| FuncError::parse(error.text))?);
                if self.budget.sources.len() < KEPT_SOURCES {
                    self.budget.sources.insert(key, set.clone());
                }
                set
            }
        };
        Run {
            set: &set,
            budget: self.budget,
        }
        .execute(env, name, data)
    }

    fn charge(&mut self, steps: u64, bytes: u64) -> Result<(), FuncError> {
        self.budget.step(steps)?;
        self.budget.memory(bytes)
    }
}

fn as_func_error(error: &ExecError) -> FuncError {
    let text = error.text.clone();
    let error_of = if error.limit {
        FuncError::limit(text)
    } else {
        FuncError::new(text)
    };
    error_of.with_causes(error.causes.clone())
}

/// The node being evaluated, which errors name.
#[derive(Clone, Copy)]
enum At<'t> {
    Expr(&'t Expr),
    Pipe(&'t Pipe),
    Command(&'t Command),
    Call(&'t Call),
}

/// How a list of statements ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
}

/// One template in execution.
struct Machine<'t, 'r> {
    set: &'t Arc<Set>,
    budget: &'r mut Budget,
    env: &'r mut dyn Env,
    out: &'r mut Vec<u8>,
    template: &'t Arc<Template>,
    vars: Vec<(Name, Slot)>,
    node: Option<At<'t>>,
}

impl<'t> Machine<'t, '_> {
    /// An error at the current node.
    #[cold]
    fn fail<T>(&self, message: impl AsRef<str>) -> Result<T, Fault> {
        Err(self.error(message.as_ref(), false))
    }

    #[cold]
    #[expect(
        clippy::unnecessary_box_returns,
        reason = "the error type is this box everywhere"
    )]
    fn error(&self, message: &str, limit: bool) -> Fault {
        let name = &self.template.name;
        let source = &self.template.source;
        let (pos, context) = match self.node {
            None => {
                let text = format!("template: {name}: {message}");
                let template = name.to_string();
                return Box::new(ExecError {
                    template,
                    line: 0,
                    column: 0,
                    text,
                    limit,
                    causes: Causes::default(),
                });
            }
            Some(At::Expr(expr)) => (expr.pos(), expr.to_string()),
            Some(At::Pipe(pipe)) => (pipe.pos, pipe.to_string()),
            Some(At::Command(command)) => (command.pos, command.to_string()),
            Some(At::Call(call)) => (call.pos, call.to_string()),
        };
        let (line, column) = source.place(pos as usize);
        let text = format!(
            "template: {}:{line}:{column}: executing {} at <{context}>: {message}",
            source.name,
            quote(name)
        );
        Box::new(ExecError {
            template: source.name.to_string(),
            line,
            column,
            text,
            limit,
            causes: Causes::default(),
        })
    }

    /// The error of a limit reached further in.
    #[cold]
    #[expect(
        clippy::unnecessary_box_returns,
        reason = "the error type is this box everywhere"
    )]
    fn passed_on(&self, text: &str) -> Fault {
        let mut fault = self.error("", true);
        text.clone_into(&mut fault.text);
        fault
    }

    fn limited<T>(&self, result: Result<T, FuncError>) -> Result<T, Fault> {
        result.map_err(|error| self.error(error.message(), error.is_limit()))
    }

    fn step(&mut self) -> Result<(), Fault> {
        let stepped = self.budget.step(1);
        if self.limited(stepped)? && self.env.expired() {
            return Err(self.error("ran out of time", true));
        }
        Ok(())
    }

    /// Goes one level deeper, on the stack of a new thread where this one's is used up.
    fn deeper<T: Send>(
        &mut self,
        step: impl FnOnce(&mut Self) -> Result<T, Fault> + Send,
    ) -> Result<T, Fault> {
        if self.budget.stack < self.budget.stack_end {
            self.budget.stack += 1;
            let result = step(self);
            self.budget.stack -= 1;
            return result;
        }
        let saved = (self.budget.stack, self.budget.stack_end);
        (self.budget.stack, self.budget.stack_end) = (0, SEGMENT);
        let result = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(SEGMENT_BYTES);
            match thread.spawn_scoped(scope, || step(self)) {
                Ok(handle) => handle.join().map_err(Some),
                Err(_) => Err(None),
            }
        });
        (self.budget.stack, self.budget.stack_end) = saved;
        match result {
            Ok(result) => result,
            Err(Some(panic)) => std::panic::resume_unwind(panic),
            Err(None) => Err(self.error("no stack for a nesting this deep", true)),
        }
    }

    /// Runs the body of the current template.
    fn enter(&mut self, dot: &Slot) -> Result<(), Fault> {
        let template = self.template;
        if self.budget.depth >= self.budget.limits.depth {
            let limit = self.budget.limits.depth;
            let message = format!("exceeded maximum template depth ({limit})");
            let mut fault = self.error(&message, true);
            // The function that was to run this template adds the place.
            message.clone_into(&mut fault.text);
            return Err(fault);
        }
        self.budget.depth += 1;
        let result = self.deeper(|machine| machine.list(dot, &template.body));
        self.budget.depth -= 1;
        result.map(|_| ())
    }

    fn list(&mut self, dot: &Slot, list: &'t [Stmt]) -> Result<Flow, Fault> {
        for stmt in list {
            let flow = self.stmt(dot, stmt)?;
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    fn stmt(&mut self, dot: &Slot, stmt: &'t Stmt) -> Result<Flow, Fault> {
        self.step()?;
        match stmt {
            Stmt::Text(text) => {
                self.written(text.len())?;
                self.out.extend_from_slice(text.as_bytes());
            }
            Stmt::Action(pipe) => {
                let value = self.pipeline(dot, pipe)?;
                if pipe.decls.is_empty() {
                    self.print(&value)?;
                }
            }
            Stmt::If(branch) => {
                return self.deeper(|machine| machine.condition(dot, branch, false));
            }
            Stmt::With(branch) => {
                return self.deeper(|machine| machine.condition(dot, branch, true));
            }
            Stmt::Range(branch) => return self.deeper(|machine| machine.range(dot, branch)),
            Stmt::Template(call) => self.template(dot, call)?,
            Stmt::Break => return Ok(Flow::Break),
            Stmt::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::On)
    }

    /// Accounts for output before or after it is written.
    fn written(&mut self, bytes: usize) -> Result<(), Fault> {
        let made = self.budget.memory(bytes as u64);
        self.limited(made)?;
        if self.out.len() > self.budget.limits.output {
            let limit = self.budget.limits.output;
            return Err(self.error(
                &format!("exceeded the limit of {limit} bytes of output"),
                true,
            ));
        }
        Ok(())
    }

    /// Charges what it takes to walk a value before it is printed: one that holds itself is
    /// endless, however little memory it takes.
    fn charge_walk(&mut self, value: &Value) -> Result<(), Fault> {
        if !matches!(value, Value::List(_) | Value::Map(_) | Value::Host(_)) {
            return Ok(());
        }
        let left = self.budget.limits.steps.saturating_sub(self.budget.steps);
        let walked = self.budget.step(value.weight(left.saturating_add(1)));
        self.limited(walked).map(|_| ())
    }

    fn print(&mut self, value: &Slot) -> Result<(), Fault> {
        let before = self.out.len();
        self.charge_walk(value.value())?;
        match value {
            Slot::Invalid => self.out.extend_from_slice(b"<no value>"),
            Slot::Val(value) | Slot::Iface(value) => append_value(self.out, value),
        }
        self.written(self.out.len() - before)
    }

    fn condition(&mut self, dot: &Slot, branch: &'t Branch, sets_dot: bool) -> Result<Flow, Fault> {
        let mark = self.vars.len();
        let value = self.pipeline(dot, &branch.pipe)?;
        let flow = if value.truth() {
            self.list(if sets_dot { &value } else { dot }, &branch.body)?
        } else if let Some(otherwise) = &branch.otherwise {
            self.list(dot, otherwise)?
        } else {
            Flow::On
        };
        self.vars.truncate(mark);
        Ok(flow)
    }

    fn range(&mut self, dot: &Slot, branch: &'t Branch) -> Result<Flow, Fault> {
        let mark = self.vars.len();
        let over = self.pipeline(dot, &branch.pipe)?;
        let over = over.value().plain();
        let turns = match &over {
            Value::Int(count) => self.count(*count, &Value::Int, branch)?,
            Value::Int64(count) => self.count(*count, &Value::Int64, branch)?,
            Value::Duration(count) => self.count(*count, &Value::Duration, branch)?,
            Value::List(items) => {
                let items = items.iter().enumerate().map(|(index, item)| {
                    (
                        Slot::Val(Value::Int(index as i64)),
                        Slot::Iface(item.clone()),
                    )
                });
                self.turns(branch, items)?
            }
            Value::Bytes(bytes) => {
                let items = bytes.iter().enumerate().map(|(index, byte)| {
                    let byte = Value::Int(i64::from(*byte));
                    (Slot::Val(Value::Int(index as i64)), Slot::Val(byte))
                });
                self.turns(branch, items)?
            }
            Value::Map(map) => {
                let entries = map.snapshot();
                let items = entries.iter().map(|(key, item)| {
                    (
                        Slot::Val(Value::Str(key.clone())),
                        Slot::Iface(item.clone()),
                    )
                });
                self.turns(branch, items)?
            }
            Value::Nil => Some(Flow::On).filter(|_| false),
            other => {
                let mut message = b"range can't iterate over ".to_vec();
                append_value(&mut message, other);
                return self.fail(String::from_utf8_lossy(&message));
            }
        };
        let flow = match (turns, &branch.otherwise) {
            (Some(flow), _) => flow,
            (None, Some(otherwise)) => match self.list(dot, otherwise)? {
                // Compat: a `break` in the else clause ends only this range, as in Go.
                Flow::Break => Flow::On,
                flow => flow,
            },
            (None, None) => Flow::On,
        };
        self.vars.truncate(mark);
        Ok(flow)
    }

    fn count(
        &mut self,
        count: i64,
        make: &dyn Fn(i64) -> Value,
        branch: &'t Branch,
    ) -> Result<Option<Flow>, Fault> {
        if branch.pipe.decls.len() > 1 {
            let mut message = b"can't use ".to_vec();
            append_value(&mut message, &make(count));
            message.extend_from_slice(b" to iterate over more than one variable");
            return self.fail(String::from_utf8_lossy(&message));
        }
        self.turns(
            branch,
            (0..count).map(|turn| (Slot::Invalid, Slot::Val(make(turn)))),
        )
    }

    /// Runs the body for each item; `None` where there was none.
    fn turns(
        &mut self,
        branch: &'t Branch,
        items: impl Iterator<Item = (Slot, Slot)>,
    ) -> Result<Option<Flow>, Fault> {
        let mark = self.vars.len();
        let mut any = false;
        for (index, item) in items {
            any = true;
            self.step()?;
            self.bind(&branch.pipe, index, &item)?;
            let flow = self.list(&item, &branch.body)?;
            self.vars.truncate(mark);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(any.then_some(Flow::On))
    }

    fn bind(&mut self, pipe: &'t Pipe, index: Slot, item: &Slot) -> Result<(), Fault> {
        let top = self.vars.len();
        match pipe.decls.as_slice() {
            [only] if pipe.assigns => self.assign(only, item.clone())?,
            [first, second, ..] if pipe.assigns => {
                self.assign(first, index)?;
                self.assign(second, item.clone())?;
            }
            [_] => self.vars[top - 1].1 = item.clone(),
            [_, _, ..] => {
                self.vars[top - 1].1 = item.clone();
                self.vars[top - 2].1 = index;
            }
            [] => {}
        }
        Ok(())
    }

    fn assign(&mut self, name: &Name, value: Slot) -> Result<(), Fault> {
        match self.vars.iter_mut().rev().find(|(known, _)| known == name) {
            Some((_, slot)) => {
                *slot = value;
                Ok(())
            }
            None => self.fail(format!("undefined variable: {name}")),
        }
    }

    fn template(&mut self, dot: &Slot, call: &'t Call) -> Result<(), Fault> {
        self.node = Some(At::Call(call));
        let Some(template) = self.set.lookup(&call.name) else {
            return self.fail(format!("template {} not defined", quote(&call.name)));
        };
        let dot = match &call.pipe {
            Some(pipe) => self.pipeline(dot, pipe)?,
            None => Slot::Invalid,
        };
        let mut inner = Machine {
            set: self.set,
            budget: &mut *self.budget,
            env: &mut *self.env,
            out: &mut *self.out,
            template,
            vars: vec![("$".into(), dot.clone())],
            node: self.node,
        };
        if inner.budget.depth >= inner.budget.limits.depth {
            let limit = inner.budget.limits.depth;
            let message = format!("exceeded maximum template depth ({limit})");
            return Err(self.error(&message, true));
        }
        inner.node = None;
        inner.enter(&dot)
    }
}
