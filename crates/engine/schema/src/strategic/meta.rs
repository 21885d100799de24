//! Where in the type graph a patch stands, and what it says of a field.

use super::invalid;
use crate::error::PatchError;
use crate::kind::KindSchema;
use crate::types::{Field, Patching, Shape, TypeId, Types};

/// A place in the type graph; `None` is below a value of no known type.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    types: &'a Types,
    ty: Option<TypeId>,
}

static PLAIN: Patching = Patching {
    merge: false,
    retain_keys: false,
    replace: false,
    merge_key: None,
};

impl<'a> Cursor<'a> {
    pub fn root(kind: &'a KindSchema) -> Result<Self, PatchError> {
        if kind.is_custom() {
            return Err(PatchError::Unsupported(kind.gvk.to_string()));
        }
        Ok(Self {
            types: &kind.types,
            ty: Some(kind.root),
        })
    }

    /// The place of a mapping below `key`.
    pub fn below(self, key: &str) -> Result<(Self, &'a Patching), PatchError> {
        let Some(ty) = self.ty else {
            return Ok((self, &PLAIN));
        };
        let ty = self.types.get(ty);
        match &ty.shape {
            Shape::Object(object) => match object.field(key) {
                Some(Field { ty, patch, .. }) => Ok((self.at(*ty), patch)),
                None if object.preserve_unknown => Ok((Self { ty: None, ..self }, &PLAIN)),
                None => {
                    let name = ty.name.rsplit('.').next().unwrap_or_default();
                    Err(invalid(format!(
                        "unable to find api field in struct {name} for the json field \"{key}\""
                    )))
                }
            },
            Shape::Map { value, .. } => Ok((self.at(*value), &PLAIN)),
            _ => Ok((Self { ty: None, ..self }, &PLAIN)),
        }
    }

    /// The place of the items of a list below `key`.
    pub fn items(self, key: &str) -> Result<(Self, &'a Patching), PatchError> {
        let (cursor, patch) = self.below(key)?;
        let Some(ty) = cursor.ty else {
            return Ok((cursor, patch));
        };
        match &self.types.get(ty).shape {
            Shape::List { item, .. } => Ok((self.at(*item), patch)),
            _ => Ok((Self { ty: None, ..self }, patch)),
        }
    }

    fn at(self, ty: TypeId) -> Self {
        Self {
            ty: Some(ty),
            ..self
        }
    }
}
