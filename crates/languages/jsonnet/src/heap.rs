//! What values refer to: thunks, frames and objects, in vectors that live as long as the
//! evaluation. Nothing is freed before; the limit on memory counts it all.

use crate::ast::{Bind, Expr, Sym, Visibility};
use crate::error::JsonnetError;
use crate::value::{Function, Value};
use crate::{Limits, eval::Outcome};
use std::collections::HashMap;
use std::rc::Rc;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ThunkId(u32);
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct EnvId(u32);
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ObjectId(u32);

/// A value that is there or can be worked out.
#[derive(Clone, Debug)]
pub(crate) enum Thunk {
    Done(Value),
    Code(EnvId, Expr),
    Call(Rc<Function>, ThunkId),
    CallPair(Rc<Function>, ThunkId, ThunkId),
    Field(ObjectId, Sym),
    /// It is being worked out: who asks for it now asks in a circle.
    Busy,
}

/// A frame of variables.
#[derive(Clone, Copy, Debug)]
struct Env {
    parent: Option<EnvId>,
    start: u32,
    /// The object whose text stands around, and the layer of it.
    object: Option<(ObjectId, u32)>,
}

/// An object: a text's fields, or a sum. Sums are flattened only when somebody looks inside.
#[derive(Debug)]
pub(crate) struct Object {
    shape: Shape,
    flat: Option<Rc<Flat>>,
    pub(crate) cache: HashMap<(Sym, u32), Value>,
    pub(crate) frames: HashMap<u32, EnvId>,
    pub(crate) is_checked: bool,
}

#[derive(Clone, Debug)]
enum Shape {
    Layer(Rc<Layer>),
    Sum(ObjectId, ObjectId),
}

/// The fields of one object's text.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) fields: HashMap<Sym, Field>,
    pub(crate) env: Option<EnvId>,
    pub(crate) locals: Rc<[Bind]>,
    pub(crate) names_root: bool,
    pub(crate) asserts: Rc<[Expr]>,
    /// A name that so many layers below shall not have.
    pub(crate) removed: Option<(Sym, u32)>,
}

impl Layer {
    pub(crate) fn plain(fields: HashMap<Sym, Field>) -> Self {
        Self {
            fields,
            env: None,
            locals: Rc::new([]),
            names_root: false,
            asserts: Rc::new([]),
            removed: None,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) body: Body,
    pub(crate) adds: bool,
    pub(crate) visibility: Visibility,
}

impl Field {
    pub(crate) fn ready(value: Value, visibility: Visibility) -> Self {
        Self {
            body: Body::Ready(value),
            adds: false,
            visibility,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Body {
    Ready(Value),
    Thunk(ThunkId),
    Code(Expr),
    /// Of a comprehension, which has a frame for each field.
    CodeIn(EnvId, Expr),
}

/// An object's layers, the strongest last, and where each name is found.
#[derive(Debug)]
pub(crate) struct Flat {
    pub(crate) layers: Vec<Rc<Layer>>,
    pub(crate) index: HashMap<Sym, Found>,
    pub(crate) has_asserts: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) layer: u32,
    pub(crate) is_hidden: bool,
}

impl Flat {
    /// The strongest layer below `limit` that has the name.
    pub(crate) fn find(&self, name: Sym, limit: u32) -> Option<u32> {
        if limit as usize == self.layers.len() {
            return self.index.get(&name).map(|found| found.layer);
        }
        find(&self.layers, name, limit)
    }
}

fn find(layers: &[Rc<Layer>], name: Sym, limit: u32) -> Option<u32> {
    let mut above = limit;
    while above > 0 {
        above -= 1;
        let layer = &layers[above as usize];
        if layer.fields.contains_key(&name) {
            return Some(above);
        }
        match layer.removed {
            Some((removed, span)) if removed == name => above = above.saturating_sub(span),
            _ => {}
        }
    }
    None
}

pub(crate) struct Heap {
    thunks: Vec<Thunk>,
    envs: Vec<Env>,
    slots: Vec<ThunkId>,
    objects: Vec<Object>,
    memory_left: u64,
    steps_left: u64,
    limits: Limits,
}

impl Heap {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            thunks: Vec::new(),
            envs: Vec::new(),
            slots: Vec::new(),
            objects: Vec::new(),
            memory_left: limits.memory_bytes,
            steps_left: limits.steps,
            limits,
        }
    }

    /// Counts work.
    pub(crate) fn step(&mut self, count: u64) -> Result<(), JsonnetError> {
        match self.steps_left.checked_sub(count) {
            Some(left) => {
                self.steps_left = left;
                Ok(())
            }
            None => {
                let steps = self.limits.steps;
                Err(JsonnetError::limit(format!(
                    "it takes more than {steps} steps to evaluate"
                )))
            }
        }
    }

    /// Counts memory, before it is taken.
    pub(crate) fn take(&mut self, bytes: u64) -> Result<(), JsonnetError> {
        match self.memory_left.checked_sub(bytes) {
            Some(left) => {
                self.memory_left = left;
                Ok(())
            }
            None => {
                let mib = self.limits.memory_bytes >> 20;
                Err(JsonnetError::limit(format!(
                    "it takes more than {mib} MiB to evaluate"
                )))
            }
        }
    }

    pub(crate) fn thunk(&mut self, thunk: Thunk) -> Result<ThunkId, JsonnetError> {
        self.take(size_of::<Thunk>() as u64)?;
        self.thunks.push(thunk);
        Ok(ThunkId(self.thunks.len() as u32 - 1))
    }

    pub(crate) fn done(&mut self, value: Value) -> Result<ThunkId, JsonnetError> {
        self.thunk(Thunk::Done(value))
    }

    pub(crate) fn get(&self, id: ThunkId) -> &Thunk {
        &self.thunks[id.0 as usize]
    }

    pub(crate) fn set(&mut self, id: ThunkId, thunk: Thunk) -> Thunk {
        std::mem::replace(&mut self.thunks[id.0 as usize], thunk)
    }

    /// A frame; what stands around its parent stands around it too, unless it begins an object.
    pub(crate) fn env(
        &mut self,
        parent: Option<EnvId>,
        object: Option<(ObjectId, u32)>,
        slots: &[ThunkId],
    ) -> Result<EnvId, JsonnetError> {
        self.take((size_of::<Env>() + size_of_val(slots)) as u64)?;
        let start = self.slots.len() as u32;
        self.slots.extend_from_slice(slots);
        let object = object.or_else(|| parent.and_then(|parent| self.around(parent)));
        self.envs.push(Env {
            parent,
            start,
            object,
        });
        Ok(EnvId(self.envs.len() as u32 - 1))
    }

    /// A frame whose variables are code that may use them all.
    pub(crate) fn recursive(
        &mut self,
        parent: Option<EnvId>,
        object: Option<(ObjectId, u32)>,
        first: Option<ThunkId>,
        binds: &[Bind],
    ) -> Result<EnvId, JsonnetError> {
        let id = EnvId(self.envs.len() as u32);
        let mut slots = Vec::with_capacity(binds.len() + 1);
        slots.extend(first);
        for bind in binds {
            slots.push(self.thunk(Thunk::Code(id, bind.body.clone()))?);
        }
        self.env(parent, object, &slots)
    }

    pub(crate) fn next_env(&self) -> EnvId {
        EnvId(self.envs.len() as u32)
    }

    /// The object whose text stands around a frame.
    pub(crate) fn around(&self, env: EnvId) -> Option<(ObjectId, u32)> {
        self.envs[env.0 as usize].object
    }

    pub(crate) fn slot(&self, env: EnvId, out: u32, index: u32) -> ThunkId {
        let mut at = env;
        for _ in 0..out {
            at = self.envs[at.0 as usize]
                .parent
                .expect("addresses are resolved");
        }
        self.slots[(self.envs[at.0 as usize].start + index) as usize]
    }

    pub(crate) fn object(&mut self, layer: Layer) -> Result<ObjectId, JsonnetError> {
        let fields = layer.fields.len() * size_of::<(Sym, Field)>();
        self.take((size_of::<Layer>() + fields * 2) as u64)?;
        self.push(Shape::Layer(Rc::new(layer)))
    }

    pub(crate) fn sum(
        &mut self,
        left: ObjectId,
        right: ObjectId,
    ) -> Result<ObjectId, JsonnetError> {
        self.push(Shape::Sum(left, right))
    }

    fn push(&mut self, shape: Shape) -> Result<ObjectId, JsonnetError> {
        self.take(size_of::<Object>() as u64)?;
        self.objects.push(Object {
            shape,
            flat: None,
            cache: HashMap::new(),
            frames: HashMap::new(),
            is_checked: false,
        });
        Ok(ObjectId(self.objects.len() as u32 - 1))
    }

    pub(crate) fn object_mut(&mut self, id: ObjectId) -> &mut Object {
        &mut self.objects[id.0 as usize]
    }

    /// An object's layers, worked out once.
    pub(crate) fn flat(&mut self, id: ObjectId) -> Result<Rc<Flat>, JsonnetError> {
        if let Some(flat) = &self.objects[id.0 as usize].flat {
            return Ok(flat.clone());
        }
        let mut layers = Vec::new();
        // The strongest first, which is turned round below.
        let mut open = vec![id];
        while let Some(next) = open.pop() {
            self.step(1)?;
            let object = &self.objects[next.0 as usize];
            if let Some(flat) = object.flat.clone() {
                self.step(flat.layers.len() as u64)?;
                self.take(flat.layers.len() as u64 * 8)?;
                layers.extend(flat.layers.iter().rev().cloned());
                continue;
            }
            match object.shape.clone() {
                Shape::Layer(layer) => {
                    self.take(8)?;
                    layers.push(layer);
                }
                Shape::Sum(left, right) => open.extend([left, right]),
            }
        }
        layers.reverse();
        let flat = Rc::new(self.indexed(layers)?);
        self.objects[id.0 as usize].flat = Some(flat.clone());
        Ok(flat)
    }

    fn indexed(&mut self, layers: Vec<Rc<Layer>>) -> Result<Flat, JsonnetError> {
        let mut index: HashMap<Sym, Found> = HashMap::new();
        let mut has_asserts = false;
        for (at, layer) in layers.iter().enumerate() {
            let entries = layer.fields.len() as u64 + 1;
            self.step(entries)?;
            self.take(entries * 2 * size_of::<(Sym, Found)>() as u64)?;
            has_asserts |= !layer.asserts.is_empty();
            if let Some((removed, span)) = layer.removed {
                self.step(at as u64)?;
                let below = find(&layers, removed, (at as u32).saturating_sub(span));
                match below {
                    Some(layer) => index.entry(removed).and_modify(|found| found.layer = layer),
                    None => {
                        index.remove(&removed);
                        continue;
                    }
                };
            }
            for (name, field) in &layer.fields {
                let below = index.get(name).is_some_and(|found| found.is_hidden);
                let is_hidden = match field.visibility {
                    Visibility::Inherited => below,
                    Visibility::Hidden => true,
                    Visibility::Shown => false,
                };
                let layer = at as u32;
                index.insert(*name, Found { layer, is_hidden });
            }
        }
        Ok(Flat {
            layers,
            index,
            has_asserts,
        })
    }

    /// A string, its bytes counted.
    pub(crate) fn text(&mut self, text: String) -> Outcome {
        self.take(text.len() as u64 + 48)?;
        self.step(text.len() as u64 / 64)?;
        Ok(text.into())
    }

    /// An array, its elements counted.
    pub(crate) fn list(&mut self, elements: Vec<ThunkId>) -> Outcome {
        self.take(elements.len() as u64 * 4 + 40)?;
        self.step(elements.len() as u64 / 16)?;
        Ok(elements.into())
    }
}
