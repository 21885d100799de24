//! Finds for each variable where its value will lie, and refuses those that there are not.

use crate::ast::{Address, Bind, Expr, Kind, ObjectNode, Spec, Sym};
use crate::error::JsonnetError;
use crate::value::Names;

/// Resolves a file's variables. `globals` are those of the outermost frame.
pub(crate) fn resolve(expr: &Expr, globals: &[Sym], names: &Names) -> Result<(), JsonnetError> {
    let mut resolver = Resolver {
        frames: vec![globals.to_vec()],
        objects: 0,
        names,
    };
    resolver.expr(expr)
}

struct Resolver<'a> {
    frames: Vec<Vec<Sym>>,
    /// How many objects stand around.
    objects: u32,
    names: &'a Names,
}

type Done = Result<(), JsonnetError>;

impl Resolver<'_> {
    fn within(&mut self, frame: Vec<Sym>, inner: impl FnOnce(&mut Self) -> Done) -> Done {
        self.frames.push(frame);
        let done = inner(self);
        self.frames.pop();
        done
    }

    fn all<'e>(&mut self, exprs: impl IntoIterator<Item = &'e Expr>) -> Done {
        exprs.into_iter().try_for_each(|expr| self.expr(expr))
    }

    fn expr(&mut self, expr: &Expr) -> Done {
        match &expr.kind {
            Kind::Constant(_) | Kind::Import(..) => Ok(()),
            Kind::This => self.in_object("self", expr),
            Kind::Var(name, address) => {
                address.set(self.find(*name, expr)?);
                Ok(())
            }
            Kind::Index(a, b) | Kind::Binary(_, a, b) => self.all([a, b]),
            Kind::Slice(target, parts) => {
                self.expr(target)?;
                self.all(parts.iter().flatten())
            }
            Kind::SuperIndex(index) | Kind::InSuper(index) => {
                self.in_object("super", expr)?;
                self.expr(index)
            }
            Kind::Array(elements) => self.all(elements),
            Kind::ArrayComp(element, specs) => self.specs(specs, &mut |r| r.expr(element)),
            Kind::Object(object) => {
                self.all(object.fields.iter().map(|field| &field.name))?;
                self.object(object)
            }
            Kind::ObjectComp(object, specs) => self.specs(specs, &mut |r| {
                r.all(object.fields.iter().map(|field| &field.name))?;
                r.object(object)
            }),
            Kind::Function(function) => {
                let frame = function.params.iter().map(|param| param.name).collect();
                self.within(frame, |r| {
                    r.all(
                        function
                            .params
                            .iter()
                            .filter_map(|param| param.default.as_ref()),
                    )?;
                    r.expr(&function.body)
                })
            }
            Kind::Apply(apply) => {
                self.expr(&apply.target)?;
                self.all(&apply.positional)?;
                self.all(apply.named.iter().map(|(_, expr)| expr))
            }
            Kind::Local(binds, body) => self.within(bound(binds), |r| {
                r.all(binds.iter().map(|bind| &bind.body))?;
                r.expr(body)
            }),
            Kind::If(condition, then, otherwise) => {
                self.all([condition, then])?;
                self.all(otherwise)
            }
            Kind::Assert(condition, message, rest) => {
                self.expr(condition)?;
                self.all(message)?;
                self.expr(rest)
            }
            Kind::Error(inner) | Kind::Unary(_, inner) => self.expr(inner),
        }
    }

    fn in_object(&self, word: &str, expr: &Expr) -> Done {
        if self.objects > 0 {
            return Ok(());
        }
        Err(JsonnetError::new(format!("can't use {word} outside of an object")).at(&expr.loc))
    }

    fn find(&self, name: Sym, expr: &Expr) -> Result<Address, JsonnetError> {
        for (out, frame) in self.frames.iter().rev().enumerate() {
            if let Some(index) = frame.iter().position(|known| *known == name) {
                return Ok(Address {
                    out: out as u32,
                    index: index as u32,
                });
            }
        }
        let text = if name == Names::ROOT {
            "no top-level object found for `$`".into()
        } else {
            format!("unknown variable: {}", self.names.text(name))
        };
        Err(JsonnetError::new(text).at(&expr.loc))
    }

    /// What stands inside an object: its frame begins with `$` in an outermost object.
    fn object(&mut self, object: &ObjectNode) -> Done {
        let mut frame = Vec::new();
        if self.objects == 0 {
            object.names_root.set(true);
            frame.push(Names::ROOT);
        }
        frame.extend(bound(&object.locals));
        self.objects += 1;
        let done = self.within(frame, |r| {
            r.all(object.locals.iter().map(|bind| &bind.body))?;
            r.all(object.fields.iter().map(|field| &field.body))?;
            r.all(object.asserts.iter())
        });
        self.objects -= 1;
        done
    }

    fn specs(&mut self, specs: &[Spec], inner: &mut dyn FnMut(&mut Self) -> Done) -> Done {
        match specs {
            [] => inner(self),
            [Spec::If(condition), rest @ ..] => {
                self.expr(condition)?;
                self.specs(rest, inner)
            }
            [Spec::For(name, list), rest @ ..] => {
                self.expr(list)?;
                self.within(vec![*name], |r| r.specs(rest, inner))
            }
        }
    }
}

fn bound(binds: &[Bind]) -> Vec<Sym> {
    binds.iter().map(|bind| bind.name).collect()
}
