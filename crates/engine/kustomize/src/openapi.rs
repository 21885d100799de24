//! `openapi`: the document that says which lists are merged, for a build as a whole.

use crate::error::KustomizeError;
use crate::kustomization::Kustomization;
use crate::load::Loader;
use crate::merge::MergeSchema;
use std::cell::{Cell, RefCell};
use std::sync::Arc;

/// The version of Kubernetes whose document is built in.
const BUILTIN: &str = "v1.21.2";

/// The document in force. Compat: the first kustomization of a build that names one decides for
/// all that is merged after it, and what it does not describe is not known.
pub(crate) struct OpenApi {
    /// `None`: the built-in one, which is read only where something is merged.
    schema: RefCell<Option<Arc<MergeSchema>>>,
    is_set: Cell<bool>,
    adds: bool,
}

impl OpenApi {
    /// The built-in document; whether another one adds to it is `adds`.
    pub(crate) fn new(adds: bool) -> Self {
        Self {
            schema: RefCell::new(None),
            is_set: Cell::new(false),
            adds,
        }
    }

    /// The document in force.
    pub(crate) fn schema(&self) -> Arc<MergeSchema> {
        self.schema
            .borrow()
            .clone()
            .unwrap_or_else(MergeSchema::builtin)
    }

    /// Takes what a kustomization names, where none before it did.
    ///
    /// # Errors
    /// A file that cannot be read, a version that is not built in, both at once.
    pub(crate) fn set(
        &self,
        kustomization: &Kustomization,
        loader: &Loader<'_>,
        file: &str,
    ) -> Result<(), KustomizeError> {
        let version = kustomization.openapi.get("version");
        let Some(path) = kustomization.openapi.get("path") else {
            return match version.map(String::as_str) {
                _ if self.is_set.get() => Ok(()),
                None | Some("") => Ok(()),
                Some(BUILTIN) => {
                    self.is_set.set(true);
                    Ok(())
                }
                Some(_) => Err(KustomizeError::invalid(
                    file,
                    "the specified OpenAPI version is not built in",
                )),
            };
        };
        let bytes = loader.read(path)?;
        if self.is_set.replace(true) {
            return Ok(());
        }
        if version.is_some() {
            let text = "builtin version and custom schema provided, cannot use both";
            return Err(KustomizeError::invalid(file, text));
        }
        let limits = argosy_yaml::Limits::default();
        let dialect = argosy_yaml::Dialect::V2;
        let name = loader.full(path);
        let document = argosy_yaml::from_slice_with(&name, &bytes, &limits, dialect)?;
        let base = if self.adds {
            MergeSchema::builtin_copy()
        } else {
            MergeSchema::default()
        };
        self.schema.replace(Some(Arc::new(base.with(&document))));
        Ok(())
    }
}
