//! Functions are called: arguments find their parameters.

use super::{Interpreter, Outcome};
use crate::ast::{ApplyNode, FunctionNode, Sym};
use crate::error::JsonnetError;
use crate::heap::{EnvId, Thunk, ThunkId};
use crate::stdlib::{Args, Builtin, Run};
use crate::value::Function;

type Positional = Vec<ThunkId>;
type Named = Vec<(Sym, ThunkId)>;

impl Interpreter<'_> {
    /// Calls a function with positional arguments.
    pub(crate) fn call(&mut self, function: &Function, arguments: &[ThunkId]) -> Outcome {
        self.apply(function, arguments.to_vec(), vec![])
    }

    pub(super) fn apply(
        &mut self,
        function: &Function,
        positional: Positional,
        named: Named,
    ) -> Outcome {
        self.heap.step(1)?;
        match function {
            Function::Builtin(builtin) => self.builtin(builtin, positional, named),
            Function::Closure(node, closure) => {
                let frame = self.bind(node, *closure, positional, named)?;
                self.within(|this| this.eval(frame, &node.body, false))
            }
        }
    }

    /// The arguments of a call, not evaluated unless it is `tailstrict`.
    pub(super) fn arguments(
        &mut self,
        env: EnvId,
        apply: &ApplyNode,
    ) -> Result<(Positional, Named), JsonnetError> {
        let mut positional = Vec::with_capacity(apply.positional.len());
        for argument in &apply.positional {
            positional.push(self.delay(env, argument)?);
        }
        let mut named = Vec::with_capacity(apply.named.len());
        for (name, argument) in &apply.named {
            named.push((*name, self.delay(env, argument)?));
        }
        if apply.is_strict {
            for thunk in positional
                .iter()
                .chain(named.iter().map(|(_, thunk)| thunk))
            {
                self.force(*thunk)?;
            }
        }
        Ok((positional, named))
    }

    /// A frame with a closure's parameters.
    pub(super) fn bind(
        &mut self,
        node: &FunctionNode,
        closure: EnvId,
        positional: Positional,
        named: Named,
    ) -> Result<EnvId, JsonnetError> {
        let names: Vec<Sym> = node.params.iter().map(|param| param.name).collect();
        let is_optional = |at: usize| node.params[at].default.is_some();
        let given = self.place(&names, is_optional, positional, named)?;
        // Defaults may use all parameters, so they are evaluated in the frame itself.
        let frame = self.heap.next_env();
        let mut slots = Vec::with_capacity(given.len());
        for (param, given) in node.params.iter().zip(given) {
            slots.push(match (given, &param.default) {
                (Some(thunk), _) => thunk,
                (None, Some(default)) => self.heap.thunk(Thunk::Code(frame, default.clone()))?,
                (None, None) => unreachable!("what has no default is given"),
            });
        }
        self.heap.env(Some(closure), None, &slots)
    }

    /// Which argument each parameter gets.
    fn place(
        &self,
        names: &[Sym],
        is_optional: impl Fn(usize) -> bool,
        positional: Positional,
        named: Named,
    ) -> Result<Vec<Option<ThunkId>>, JsonnetError> {
        if positional.len() > names.len() {
            return Err(JsonnetError::new(format!(
                "function expected {} positional argument(s), but got {}",
                names.len(),
                positional.len()
            )));
        }
        let mut placed: Vec<Option<ThunkId>> = positional.into_iter().map(Some).collect();
        placed.resize(names.len(), None);
        for (name, thunk) in named {
            let shown = || self.names.text(name);
            let Some(at) = names.iter().position(|known| *known == name) else {
                return Err(JsonnetError::new(format!(
                    "function has no parameter {}",
                    shown()
                )));
            };
            if placed[at].is_some() {
                let text = format!("Argument {} already provided", shown());
                return Err(JsonnetError::new(text));
            }
            placed[at] = Some(thunk);
        }
        let missing = (0..names.len()).find(|at| placed[*at].is_none() && !is_optional(*at));
        if let Some(at) = missing {
            let name = self.names.text(names[at]);
            return Err(JsonnetError::new(format!("Missing argument: {name}")));
        }
        Ok(placed)
    }

    pub(super) fn builtin(
        &mut self,
        builtin: &'static Builtin,
        positional: Positional,
        named: Named,
    ) -> Outcome {
        let mut names = Vec::with_capacity(builtin.params.len());
        for param in builtin.params {
            names.push(self.names.intern(param.trim_end_matches('?')));
        }
        let is_optional = |at: usize| builtin.params[at].ends_with('?');
        let placed = self.place(&names, is_optional, positional, named)?;
        match builtin.run {
            Run::Lazy(run) => run(self, &placed),
            Run::Eager(run) => {
                let mut values = Vec::with_capacity(placed.len());
                for thunk in placed {
                    values.push(match thunk {
                        Some(thunk) => Some(self.force(thunk)?),
                        None => None,
                    });
                }
                self.nested(|this| run(this, Args(&values)))
            }
        }
    }
}
