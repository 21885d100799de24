//! Evaluates pipelines, commands, operands and fields.

use super::{At, Fault, Machine};
use crate::ast::*;
use crate::container::MapRef;
use crate::func::Ty;
use crate::gofmt::type_name;
use crate::quote::quote;
use crate::set::MissingKey;
use crate::slot::Slot;
use crate::value::{GoStr, Value};

/// The arguments of a command: its words (the first one is the callee) and what the pipeline
/// hands on as the last one.
pub(super) struct Args<'t> {
    pub words: &'t [Expr],
    pub last: Option<Slot>,
}

impl Args<'_> {
    pub fn none() -> Self {
        Self {
            words: &[],
            last: None,
        }
    }

    fn any(&self) -> bool {
        self.words.len() > 1 || self.last.is_some()
    }
}

impl<'t> Machine<'t, '_> {
    /// Evaluates a pipeline, and declares or assigns its variables.
    pub(super) fn pipeline(&mut self, dot: &Slot, pipe: &'t Pipe) -> Result<Slot, Fault> {
        self.node = Some(At::Pipe(pipe));
        let mut value = None;
        for command in &pipe.commands {
            self.step()?;
            value = Some(self.command(dot, command, value)?.unwrapped());
        }
        let value = value.unwrap_or(Slot::Invalid);
        for name in &pipe.decls {
            if pipe.assigns {
                self.assign(name, value.clone())?;
            } else {
                self.vars.push((name.clone(), value.clone()));
            }
        }
        Ok(value)
    }

    fn command(
        &mut self,
        dot: &Slot,
        command: &'t Command,
        last: Option<Slot>,
    ) -> Result<Slot, Fault> {
        let first = &command.args[0];
        let args = Args {
            words: &command.args,
            last,
        };
        match first {
            Expr::Field(field) => {
                self.node = Some(At::Expr(first));
                return self.chain(dot, dot, &field.names, args, first);
            }
            Expr::Chain(chain) => return self.chained(dot, chain, args, first),
            Expr::Ident(ident) => {
                self.node = Some(At::Expr(first));
                return self.function(dot, ident, args, At::Command(command));
            }
            Expr::Pipe(pipe) => {
                self.no_arguments(&args)?;
                return self.deeper(|machine| machine.pipeline(dot, pipe));
            }
            Expr::Variable(variable) => return self.variable(dot, variable, args, first),
            _ => {}
        }
        self.node = Some(At::Expr(first));
        self.no_arguments(&args)?;
        match first {
            Expr::Dot(_) => Ok(dot.clone()),
            Expr::Nil(_) => self.fail("nil is not a command"),
            constant => self.constant(constant),
        }
    }

    fn no_arguments(&self, args: &Args<'t>) -> Result<(), Fault> {
        match args.words.first() {
            Some(first) if args.any() => {
                // A parenthesised pipeline is spelled without its parentheses here, as Go does.
                self.fail(format!("can't give argument to non-function {first}"))
            }
            _ => Ok(()),
        }
    }

    /// The value of a constant where no type is wanted.
    fn constant(&mut self, expr: &'t Expr) -> Result<Slot, Fault> {
        self.node = Some(At::Expr(expr));
        match expr {
            Expr::Bool(_, flag) => Ok(Slot::Val(Value::Bool(*flag))),
            Expr::Text(text) => Ok(Slot::Val(text.value.clone())),
            Expr::Number(number) => match &number.ideal {
                Some(value) => Ok(Slot::Val(value.clone())),
                None => self.fail(format!("{} overflows int", number.text)),
            },
            other => self.fail(format!(
                "can't evaluate command {}",
                quote(&other.to_string())
            )),
        }
    }

    fn variable(
        &mut self,
        dot: &Slot,
        variable: &'t Variable,
        args: Args<'t>,
        node: &'t Expr,
    ) -> Result<Slot, Fault> {
        self.node = Some(At::Expr(node));
        let found = self
            .vars
            .iter()
            .rev()
            .find(|(name, _)| *name == variable.name);
        let Some((_, value)) = found else {
            return self.fail(format!("undefined variable: {}", variable.name));
        };
        let value = value.clone();
        if variable.fields.is_empty() {
            self.no_arguments(&args)?;
            return Ok(value);
        }
        self.chain(dot, &value, &variable.fields, args, node)
    }

    fn chained(
        &mut self,
        dot: &Slot,
        chain: &'t Chain,
        args: Args<'t>,
        node: &'t Expr,
    ) -> Result<Slot, Fault> {
        self.node = Some(At::Expr(node));
        let base = self.operand(dot, None, &chain.base)?;
        self.chain(dot, &base, &chain.fields, args, node)
    }

    /// Follows fields from a receiver; arguments go to the last one.
    fn chain(
        &mut self,
        dot: &Slot,
        receiver: &Slot,
        names: &'t [GoStr],
        args: Args<'t>,
        node: &'t Expr,
    ) -> Result<Slot, Fault> {
        // Maps all the way, which is nearly always: nothing is copied but the result.
        let mut at = 0;
        let mut here = receiver.value().clone();
        if !args.any() {
            while let (Some(name), Value::Map(map)) = (names.get(at), &here) {
                let Some(item) = map.get(name.as_bytes()) else {
                    break;
                };
                here = item;
                at += 1;
            }
        }
        let mut slot = if at == 0 {
            receiver.clone()
        } else {
            Slot::Iface(here)
        };
        let Some((last, middle)) = names[at..].split_last() else {
            return Ok(slot);
        };
        for name in middle {
            slot = self.field(dot, name, Args::none(), slot, node)?;
        }
        self.field(dot, last, args, slot, node)
    }

    /// One field, map entry or method of a receiver.
    fn field(
        &mut self,
        dot: &Slot,
        name: &'t GoStr,
        args: Args<'t>,
        receiver: Slot,
        node: &'t Expr,
    ) -> Result<Slot, Fault> {
        let static_type = match &receiver {
            Slot::Invalid => {
                if self.set.missing_key() == MissingKey::Error {
                    let key = quote(&name.lossy());
                    return self.fail(format!("nil data; no entry for key {key}"));
                }
                return Ok(Slot::Invalid);
            }
            Slot::Iface(Value::Nil) => {
                return self.fail(format!("nil pointer evaluating interface {{}}.{name}"));
            }
            Slot::Iface(_) => "interface {}".to_owned(),
            Slot::Val(value) => type_name(value).to_owned(),
        };
        let value = receiver.into_value();
        let has_args = args.any();
        if matches!(value, Value::Host(_) | Value::Time(_) | Value::Duration(_))
            && let Some(result) = self.method(dot, &value, name, args, node)?
        {
            return Ok(result);
        }
        match &value {
            Value::Host(host) => {
                if let Some(field) = host.field(&name.lossy()) {
                    if has_args {
                        let message = "has arguments but cannot be invoked as function";
                        return self.fail(format!("{name} {message}"));
                    }
                    return Ok(if host.is_struct() {
                        Slot::concrete(field)
                    } else {
                        Slot::Iface(field)
                    });
                }
                if let (false, Some(Value::Map(map))) = (host.is_struct(), host.plain()) {
                    return self.entry(&map, name, has_args);
                }
            }
            Value::Map(map) => return self.entry(map, name, has_args),
            _ => {}
        }
        self.fail(format!("can't evaluate field {name} in type {static_type}"))
    }

    fn entry(&mut self, map: &MapRef, name: &GoStr, has_args: bool) -> Result<Slot, Fault> {
        if has_args {
            return self.fail(format!("{name} is not a method but has arguments"));
        }
        match (map.get(name.as_bytes()), self.set.missing_key()) {
            (Some(item), _) => Ok(Slot::Iface(item)),
            (None, MissingKey::Default) => Ok(Slot::Invalid),
            (None, MissingKey::Zero) => Ok(Slot::Iface(Value::Nil)),
            (None, MissingKey::Error) => {
                self.fail(format!("map has no entry for key {}", quote(&name.lossy())))
            }
        }
    }

    /// Evaluates an operand for a parameter of the type (`None`: none is wanted).
    pub(super) fn operand(
        &mut self,
        dot: &Slot,
        ty: Option<Ty>,
        expr: &'t Expr,
    ) -> Result<Slot, Fault> {
        self.node = Some(At::Expr(expr));
        let slot = match expr {
            Expr::Dot(_) => dot.clone(),
            Expr::Nil(_) => {
                return match ty {
                    Some(ty) if ty.can_be_nil() => Ok(Slot::Invalid),
                    Some(ty) => self.fail(format!("cannot assign nil to {}", ty.name())),
                    None => self.fail(format!("indirection through explicit nil in {expr}")),
                };
            }
            Expr::Field(field) => self.chain(dot, dot, &field.names, Args::none(), expr)?,
            Expr::Variable(variable) => self.variable(dot, variable, Args::none(), expr)?,
            Expr::Pipe(pipe) => self.deeper(|machine| machine.pipeline(dot, pipe))?,
            Expr::Ident(ident) => self.function(dot, ident, Args::none(), At::Expr(expr))?,
            Expr::Chain(chain) => self.chained(dot, chain, Args::none(), expr)?,
            constant => return self.typed_constant(ty.unwrap_or(Ty::Any), constant),
        };
        self.checked(slot, ty)
    }

    /// Makes sure that a value fits a parameter.
    pub(super) fn checked(&self, slot: Slot, ty: Option<Ty>) -> Result<Slot, Fault> {
        let Some(ty) = ty else { return Ok(slot) };
        match &slot {
            Slot::Invalid if ty.can_be_nil() => Ok(slot),
            Slot::Invalid => self.fail(format!("invalid value; expected {}", ty.name())),
            Slot::Iface(_) | Slot::Val(_) if matches!(ty, Ty::Any | Ty::Raw) => Ok(slot),
            Slot::Iface(Value::Nil) => self.wrong_type(ty, "interface {}"),
            Slot::Iface(value) | Slot::Val(value) if ty.takes(value) => Ok(slot),
            Slot::Iface(value) | Slot::Val(value) => self.wrong_type(ty, type_name(value)),
        }
    }

    fn wrong_type(&self, ty: Ty, got: &str) -> Result<Slot, Fault> {
        self.fail(format!(
            "wrong type for value; expected {}; got {got}",
            ty.name()
        ))
    }

    fn typed_constant(&mut self, ty: Ty, expr: &'t Expr) -> Result<Slot, Fault> {
        let value = match (ty, expr) {
            (Ty::Any | Ty::Raw, _) => return self.constant(expr),
            (Ty::Bool, Expr::Bool(_, flag)) => Value::Bool(*flag),
            (Ty::Bool, _) => return self.fail(format!("expected bool; found {expr}")),
            (Ty::String, Expr::Text(text)) => text.value.clone(),
            (Ty::String, _) => return self.fail(format!("expected string; found {expr}")),
            (Ty::Float, Expr::Number(number)) if number.float.is_some() => {
                Value::Float(number.float.unwrap_or_default())
            }
            (Ty::Float, _) => return self.fail(format!("expected float; found {expr}")),
            (Ty::Int | Ty::Int64 | Ty::Duration, Expr::Number(number)) if number.int.is_some() => {
                let int = number.int.unwrap_or_default();
                match ty {
                    Ty::Int => Value::Int(int),
                    Ty::Int64 => Value::Int64(int),
                    _ => Value::Duration(int),
                }
            }
            (Ty::Int | Ty::Int64 | Ty::Duration, _) => {
                return self.fail(format!("expected integer; found {expr}"));
            }
            _ => {
                let message = format!("can't handle {expr} for arg of type {}", ty.name());
                return self.fail(message);
            }
        };
        Ok(Slot::Val(value))
    }
}
