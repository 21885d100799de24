//! Calls functions and methods: counts, checks and converts arguments as Go's reflection does.

use super::eval::Args;
use super::{At, Fault, Machine, Run};
use crate::ast::{Callee, Expr, Ident};
use crate::builtin::Builtin;
use crate::func::{CallCx, FuncEntry, FuncError, Ty};
use crate::gofmt::type_name;
use crate::slot::Slot;
use crate::value::{GoStr, Value};

/// A function's parameters.
#[derive(Clone, Copy)]
struct Params<'p> {
    types: &'p [Ty],
    variadic: bool,
}

impl Params<'_> {
    /// Any number of anything.
    const ANY: Self = Self {
        types: &[Ty::Any],
        variadic: true,
    };

    fn fixed(&self) -> usize {
        self.types.len() - usize::from(self.variadic)
    }

    fn ty(&self, index: usize) -> Ty {
        self.types
            .get(index)
            .or(self.types.last())
            .copied()
            .unwrap_or(Ty::Any)
    }
}

/// Results of functions up to this length are not counted: they are bounded by the steps.
const FREE_TEXT: usize = 1 << 16;

impl<'t> Machine<'t, '_> {
    pub(super) fn function(
        &mut self,
        dot: &Slot,
        ident: &'t Ident,
        args: Args<'t>,
        caller: At<'t>,
    ) -> Result<Slot, Fault> {
        match &ident.func {
            Callee::Builtin(builtin) => self.builtin(dot, *builtin, ident, args, caller),
            Callee::Given(entry) => self.given(dot, entry, ident, args, caller),
        }
    }

    fn given(
        &mut self,
        dot: &Slot,
        entry: &'t FuncEntry,
        ident: &'t Ident,
        args: Args<'t>,
        caller: At<'t>,
    ) -> Result<Slot, Fault> {
        let params = match &entry.signature {
            Some(signature) => Params {
                types: &signature.params,
                variadic: signature.variadic,
            },
            None => Params::ANY,
        };
        let slots = self.arguments(dot, &ident.name, params, args)?;
        let values: Vec<Value> = slots.into_iter().map(Slot::into_value).collect();
        let mut run = Run {
            set: self.set,
            budget: &mut *self.budget,
        };
        let mut cx = CallCx::new(&mut *self.env, &mut run);
        let result = (entry.func)(&mut cx, &values);
        // Whatever a function charges itself, texts that grow by being joined with themselves
        // must come to an end.
        if let Ok(Value::Str(text)) = &result
            && text.len() > FREE_TEXT
        {
            let made = self.budget.memory(text.len() as u64 * 4);
            self.limited(made)?;
        }
        self.returned(&ident.name, caller, result.map(returned_slot))
    }

    fn returned(
        &mut self,
        name: &str,
        caller: At<'t>,
        result: Result<Slot, FuncError>,
    ) -> Result<Slot, Fault> {
        result.map_err(|error| {
            self.node = Some(caller);
            if error.is_limit() && error.message().starts_with("template: ") {
                // It has its place already; each level would only make it longer.
                return self.passed_on(error.message());
            }
            let text = format!("error calling {name}: {}", error.message());
            let mut fault = self.error(&text, error.is_limit());
            fault.causes = error.causes().below(error.message().to_owned());
            fault
        })
    }

    fn builtin(
        &mut self,
        dot: &Slot,
        builtin: Builtin,
        ident: &'t Ident,
        args: Args<'t>,
        caller: At<'t>,
    ) -> Result<Slot, Fault> {
        let (types, variadic) = builtin.params();
        let params = Params { types, variadic };
        match builtin {
            Builtin::And | Builtin::Or => {
                self.counted(&ident.name, params, &args)?;
                self.short_circuit(dot, builtin == Builtin::Or, args)
            }
            Builtin::Call => {
                let callee = args.words.get(1).map(Expr::to_string);
                let slots = self.arguments(dot, &ident.name, params, args)?;
                let message = match slots[0].value() {
                    Value::Nil => "call of nil".to_owned(),
                    value => {
                        let callee = callee.unwrap_or_else(|| match value {
                            Value::Str(text) => text.to_string(),
                            other => format!("<{} Value>", type_name(other)),
                        });
                        format!("non-function {callee} of type {}", type_name(value))
                    }
                };
                self.returned(&ident.name, caller, Err(FuncError::new(message)))
            }
            _ => {
                let slots = self.arguments(dot, &ident.name, params, args)?;
                if builtin.prints() {
                    for slot in &slots {
                        self.charge_walk(slot.value())?;
                    }
                }
                let result = builtin.call(slots);
                if let Ok(Slot::Val(Value::Str(text))) = &result {
                    let made = self.budget.memory(text.len() as u64);
                    self.limited(made)?;
                }
                self.returned(&ident.name, caller, result)
            }
        }
    }

    fn short_circuit(&mut self, dot: &Slot, until: bool, args: Args<'t>) -> Result<Slot, Fault> {
        let mut value = Slot::Invalid;
        for word in args.words.iter().skip(1) {
            value = self.operand(dot, Some(Ty::Raw), word)?;
            if value.truth() == until {
                return Ok(value);
            }
        }
        Ok(args.last.unwrap_or(value))
    }

    fn counted(&self, name: &str, params: Params<'_>, args: &Args<'t>) -> Result<(), Fault> {
        let words = args.words.len().saturating_sub(1);
        let given = words + usize::from(args.last.is_some());
        let wanted = params.fixed();
        if params.variadic && given < wanted {
            return self.fail(format!(
                "wrong number of args for {name}: want at least {wanted} got {words}"
            ));
        }
        if !params.variadic && given != wanted {
            return self.fail(format!(
                "wrong number of args for {name}: want {wanted} got {given}"
            ));
        }
        Ok(())
    }

    fn arguments(
        &mut self,
        dot: &Slot,
        name: &str,
        params: Params<'_>,
        args: Args<'t>,
    ) -> Result<Vec<Slot>, Fault> {
        self.counted(name, params, &args)?;
        let mut slots = Vec::with_capacity(args.words.len());
        for (index, word) in args.words.iter().skip(1).enumerate() {
            slots.push(self.operand(dot, Some(params.ty(index)), word)?);
        }
        if let Some(last) = args.last {
            slots.push(self.checked(last, Some(params.ty(slots.len())))?);
        }
        Ok(slots)
    }

    /// Calls a method of a host, a time or a duration. `None`: the type has none of this name.
    pub(super) fn method(
        &mut self,
        dot: &Slot,
        receiver: &Value,
        name: &GoStr,
        args: Args<'t>,
        node: &'t Expr,
    ) -> Result<Option<Slot>, Fault> {
        let name = name.lossy();
        let slots = self.arguments(dot, &name, Params::ANY, args)?;
        self.node = Some(At::Expr(node));
        let values: Vec<Value> = slots.into_iter().map(Slot::into_value).collect();
        let result = match receiver {
            Value::Host(host) => host.call(&name, &values),
            other => crate::gotime::method(other, &name, &values),
        };
        match result {
            None => Ok(None),
            Some(result) => self
                .returned(&name, At::Expr(node), result.map(returned_slot))
                .map(Some),
        }
    }
}

/// What a function gives: nil inside an interface, anything else as what it is. Compat: which
/// results Go declares as `interface {}` is not known here; only the error for a field of one
/// that has none would show it.
fn returned_slot(value: Value) -> Slot {
    if value.is_nil() {
        Slot::Iface(value)
    } else {
        Slot::Val(value)
    }
}
