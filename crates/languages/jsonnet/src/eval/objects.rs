//! Objects: made, looked into, added.

use super::{Interpreter, Outcome, wrong_type};
use crate::ast::{Expr, ObjectNode, Spec, Sym, Visibility};
use crate::error::JsonnetError;
use crate::heap::{Body, EnvId, Field, Layer, ObjectId, Thunk};
use crate::value::{List, Value};
use std::collections::HashMap;
use std::rc::Rc;

impl Interpreter<'_> {
    pub(super) fn object(&mut self, env: EnvId, node: &ObjectNode) -> Outcome {
        let mut fields = HashMap::with_capacity(node.fields.len());
        for field in &node.fields {
            let Some(name) = self.computed_name(env, &field.name)? else {
                continue;
            };
            let made = Field {
                body: Body::Code(field.body.clone()),
                adds: field.adds,
                visibility: field.visibility,
            };
            if fields.insert(name, made).is_some() {
                return Err(self.duplicate(name).at(&field.name.loc));
            }
        }
        let layer = Layer {
            fields,
            env: Some(env),
            locals: node.locals.clone(),
            names_root: node.names_root.get(),
            asserts: node.asserts.clone(),
            removed: None,
        };
        Ok(Value::Object(self.heap.object(layer)?))
    }

    pub(super) fn object_comprehension(
        &mut self,
        env: EnvId,
        node: &ObjectNode,
        specs: &[Spec],
    ) -> Outcome {
        let mut fields = HashMap::new();
        let [field] = node.fields.as_slice() else {
            unreachable!("the parser sees to it");
        };
        self.comprehend(env, specs, &mut |this, env| {
            if let Some(name) = this.computed_name(env, &field.name)? {
                let made = Field {
                    body: Body::CodeIn(env, field.body.clone()),
                    adds: field.adds,
                    visibility: field.visibility,
                };
                if fields.insert(name, made).is_some() {
                    return Err(this.duplicate(name).at(&field.name.loc));
                }
            }
            Ok(())
        })?;
        let layer = Layer {
            env: Some(env),
            locals: node.locals.clone(),
            names_root: node.names_root.get(),
            ..Layer::plain(fields)
        };
        Ok(Value::Object(self.heap.object(layer)?))
    }

    fn duplicate(&self, name: Sym) -> JsonnetError {
        let name = self.names.text(name);
        JsonnetError::new(format!("Duplicate field name: {name:?}"))
    }

    /// A field's name; `null` leaves the field out.
    fn computed_name(&mut self, env: EnvId, name: &Expr) -> Result<Option<Sym>, JsonnetError> {
        match self.eval(env, name, false)? {
            Value::Text(text) => Ok(Some(self.names.intern(text.as_str()))),
            Value::Null => Ok(None),
            other => Err(JsonnetError::new(format!(
                "Field name must be string, got {}",
                other.type_name()
            ))
            .at(&name.loc)),
        }
    }

    pub(super) fn field_name(&mut self, env: EnvId, name: &Expr) -> Result<Sym, JsonnetError> {
        match self.eval(env, name, false)? {
            Value::Text(text) => Ok(self.names.intern(text.as_str())),
            other => Err(wrong_type(&other, "string")),
        }
    }

    /// `target[index]`
    pub(super) fn element(&mut self, env: EnvId, target: &Expr, index: &Expr) -> Outcome {
        let target = self.eval(env, target, false)?;
        let index = self.eval(env, index, false)?;
        match (&target, &index) {
            (Value::Object(object), Value::Text(name)) => {
                let name = self.names.intern(name.as_str());
                self.index(*object, name)
            }
            (Value::Array(elements), Value::Number(at)) => {
                let at = within(*at, elements.len())?;
                self.force(elements[at])
            }
            (Value::Text(text), Value::Number(at)) => {
                let at = within(*at, text.chars())?;
                Ok(Value::text(text.slice(at, at + 1)))
            }
            (Value::Object(_), other) => Err(wrong_type(other, "string")),
            (Value::Array(_) | Value::Text(_), other) => Err(wrong_type(other, "number")),
            (other, _) => Err(JsonnetError::new(format!(
                "Value non indexable: {}",
                other.type_name()
            ))),
        }
    }

    /// A field, seen from outside: the object's assertions hold, or there is an error.
    pub(crate) fn index(&mut self, object: ObjectId, name: Sym) -> Outcome {
        self.check(object)?;
        let layers = self.heap.flat(object)?.layers.len() as u32;
        self.field(object, name, layers)
    }

    /// A field as the layers below `limit` have it.
    pub(super) fn field(&mut self, object: ObjectId, name: Sym, limit: u32) -> Outcome {
        let flat = self.heap.flat(object)?;
        let Some(at) = flat.find(name, limit) else {
            let name = self.names.text(name);
            return Err(JsonnetError::new(format!("Field does not exist: {name}")));
        };
        if let Some(known) = self.heap.object_mut(object).cache.get(&(name, at)) {
            return Ok(known.clone());
        }
        let layer = &flat.layers[at as usize];
        let field = &layer.fields[&name];
        let mut value = match &field.body {
            Body::Ready(value) => value.clone(),
            Body::Thunk(thunk) => self.force(*thunk)?,
            Body::Code(expr) => {
                let frame = self.frame(object, at, layer, layer.env)?;
                self.within(|this| this.eval(frame, expr, false))?
            }
            Body::CodeIn(env, expr) => {
                let frame = self.new_frame(object, at, layer, Some(*env))?;
                self.within(|this| this.eval(frame, expr, false))?
            }
        };
        if field.adds && flat.find(name, at).is_some() {
            let below = self.nested(|this| this.field(object, name, at))?;
            value = self.plus(&below, &value)?;
        }
        if !matches!(field.body, Body::Ready(_)) || field.adds {
            self.heap.take(64)?;
            let cache = &mut self.heap.object_mut(object).cache;
            cache.insert((name, at), value.clone());
        }
        Ok(value)
    }

    /// The frame of an object's layer, made once.
    fn frame(
        &mut self,
        object: ObjectId,
        at: u32,
        layer: &Rc<Layer>,
        env: Option<EnvId>,
    ) -> Result<EnvId, JsonnetError> {
        if let Some(known) = self.heap.object_mut(object).frames.get(&at) {
            return Ok(*known);
        }
        let frame = self.new_frame(object, at, layer, env)?;
        self.heap.take(16)?;
        self.heap.object_mut(object).frames.insert(at, frame);
        Ok(frame)
    }

    fn new_frame(
        &mut self,
        object: ObjectId,
        at: u32,
        layer: &Layer,
        env: Option<EnvId>,
    ) -> Result<EnvId, JsonnetError> {
        let root = if layer.names_root {
            Some(self.heap.done(Value::Object(object))?)
        } else {
            None
        };
        self.heap
            .recursive(env, Some((object, at)), root, &layer.locals)
    }

    /// Evaluates an object's assertions, once.
    pub(crate) fn check(&mut self, object: ObjectId) -> Result<(), JsonnetError> {
        if self.heap.object_mut(object).is_checked {
            return Ok(());
        }
        let flat = self.heap.flat(object)?;
        // Before they are evaluated, since they look into the object themselves.
        self.heap.object_mut(object).is_checked = true;
        if !flat.has_asserts {
            return Ok(());
        }
        for (at, layer) in flat.layers.iter().enumerate() {
            for assert in layer.asserts.iter() {
                let frame = self.frame(object, at as u32, layer, layer.env)?;
                self.within(|this| this.eval(frame, assert, false))?;
            }
        }
        Ok(())
    }

    /// The names of an object's fields, sorted.
    pub(crate) fn field_names(
        &mut self,
        object: ObjectId,
        with_hidden: bool,
    ) -> Result<Vec<(Rc<str>, Sym)>, JsonnetError> {
        let flat = self.heap.flat(object)?;
        self.heap.step(flat.index.len() as u64)?;
        let mut names: Vec<(Rc<str>, Sym)> = flat
            .index
            .iter()
            .filter(|(_, found)| with_hidden || !found.is_hidden)
            .map(|(name, _)| (self.names.text(*name), *name))
            .collect();
        names.sort();
        Ok(names)
    }

    /// Whether an object has a field.
    pub(crate) fn has(
        &mut self,
        object: ObjectId,
        name: &str,
        with_hidden: bool,
    ) -> Result<bool, JsonnetError> {
        let flat = self.heap.flat(object)?;
        let found = self
            .names
            .known(name)
            .and_then(|name| flat.index.get(&name));
        Ok(found.is_some_and(|found| with_hidden || !found.is_hidden))
    }

    /// An object of fields that are worked out already, or will be.
    pub(crate) fn object_of(&mut self, fields: impl IntoIterator<Item = (Sym, Body)>) -> Outcome {
        let fields = fields
            .into_iter()
            .map(|(name, body)| {
                let (adds, visibility) = (false, Visibility::Inherited);
                (
                    name,
                    Field {
                        body,
                        adds,
                        visibility,
                    },
                )
            })
            .collect();
        Ok(Value::Object(self.heap.object(Layer::plain(fields))?))
    }

    /// The object without one of its fields.
    pub(crate) fn without(&mut self, object: ObjectId, name: Sym) -> Outcome {
        let span = self.heap.flat(object)?.layers.len() as u32;
        let removal = Layer {
            removed: Some((name, span)),
            ..Layer::plain(HashMap::new())
        };
        let removal = self.heap.object(removal)?;
        Ok(Value::Object(self.heap.sum(object, removal)?))
    }

    /// `target[from:to:step]`
    pub(super) fn slice(
        &mut self,
        env: EnvId,
        target: &Expr,
        parts: &[Option<Expr>; 3],
    ) -> Outcome {
        let target = self.eval(env, target, false)?;
        let mut bounds = [Value::Null, Value::Null, Value::Null];
        for (bound, part) in bounds.iter_mut().zip(parts) {
            if let Some(part) = part {
                *bound = self.eval(env, part, false)?;
            }
        }
        crate::stdlib::slice(self, &target, &bounds)
    }

    /// The fields of an object as thunks, which are evaluated when they are needed.
    pub(crate) fn values(
        &mut self,
        object: ObjectId,
        names: &[(Rc<str>, Sym)],
    ) -> Result<List, JsonnetError> {
        let mut elements = Vec::with_capacity(names.len());
        for (_, name) in names {
            elements.push(self.heap.thunk(Thunk::Field(object, *name))?);
        }
        Ok(Rc::new(elements))
    }
}

/// Compat: an index is cut to an integer.
fn within(at: f64, len: usize) -> Result<usize, JsonnetError> {
    let cut = at.trunc();
    if cut >= 0.0 && cut < len as f64 {
        return Ok(cut as usize);
    }
    let text = if len == 0 {
        format!("Index {cut} out of bounds, the value is empty")
    } else {
        format!("Index {cut} out of bounds, not within [0, {len})")
    };
    Err(JsonnetError::new(text))
}
