//! Files, which are read and evaluated once each.

use super::{Interpreter, Outcome};
use crate::ast::{Expr, Import, Visibility};
use crate::error::{JsonnetError, Loc};
use crate::heap::{EnvId, Field, Layer, ObjectId, Thunk, ThunkId};
use crate::value::{Names, Value};
use crate::{parse, scope, stdlib};
use std::collections::HashMap;
use std::rc::Rc;

#[derive(Default)]
pub(super) struct Cache {
    /// Which file a path means in a file.
    resolved: HashMap<(Rc<str>, Rc<str>), Rc<str>>,
    content: HashMap<Rc<str>, Rc<Vec<u8>>>,
    values: HashMap<(Import, Rc<str>), ThunkId>,
}

impl Interpreter<'_> {
    /// Reads a file's text as code.
    pub(super) fn load(&mut self, file: &str, source: &str) -> Result<(EnvId, Expr), JsonnetError> {
        // A syntax tree takes some twenty times the bytes of its text.
        self.heap.take(source.len() as u64 * 20)?;
        self.heap.step(source.len() as u64)?;
        let expr = parse::parse(&file.into(), source, &mut self.names)?;
        scope::resolve(&expr, &[Names::STD], &self.names)?;
        let base = self.std()?;
        let this_file = self.heap.text(file.to_owned())?;
        let name = self.names.intern("thisFile");
        let own = Layer::plain(HashMap::from([(
            name,
            Field::ready(this_file, Visibility::Hidden),
        )]));
        let own = self.heap.object(own)?;
        let std = self.heap.sum(base, own)?;
        let std = self.heap.done(Value::Object(std))?;
        let env = self.heap.env(None, None, &[std])?;
        Ok((env, expr))
    }

    fn std(&mut self) -> Result<ObjectId, JsonnetError> {
        if let Some(std) = self.std {
            return Ok(std);
        }
        let fields = stdlib::fields(&mut self.names);
        let std = self.heap.object(Layer::plain(fields))?;
        self.std = Some(std);
        Ok(std)
    }

    pub(super) fn import(&mut self, kind: Import, path: &Rc<str>, loc: &Loc) -> Outcome {
        let asked = (loc.file.clone(), path.clone());
        let file = match self.imports.resolved.get(&asked) {
            Some(file) => file.clone(),
            None => {
                let found = (self.remote)(&loc.file, path).map_err(JsonnetError::new)?;
                let file: Rc<str> = found.path.into();
                if !self.imports.content.contains_key(&file) {
                    self.heap.take(found.content.len() as u64)?;
                    self.imports
                        .content
                        .insert(file.clone(), Rc::new(found.content));
                }
                self.imports.resolved.insert(asked, file.clone());
                file
            }
        };
        let key = (kind, file);
        if let Some(known) = self.imports.values.get(&key) {
            return self.force(*known);
        }
        let thunk = self.imported(kind, &key.1)?;
        self.imports.values.insert(key, thunk);
        self.force(thunk)
    }

    fn imported(&mut self, kind: Import, file: &Rc<str>) -> Result<ThunkId, JsonnetError> {
        let content = self.imports.content[file].clone();
        match kind {
            Import::Code => {
                let source = String::from_utf8_lossy(&content);
                let (env, expr) = self.load(file, &source)?;
                self.heap.thunk(Thunk::Code(env, expr))
            }
            Import::Text => {
                let text = self
                    .heap
                    .text(String::from_utf8_lossy(&content).into_owned())?;
                self.heap.done(text)
            }
            Import::Bytes => {
                let mut elements = Vec::with_capacity(content.len());
                for byte in content.iter() {
                    elements.push(self.heap.done(Value::Number(f64::from(*byte)))?);
                }
                let list = self.heap.list(elements)?;
                self.heap.done(list)
            }
        }
    }
}
