//! One request for a resource, with everything its handling needs.

use crate::catalog::{Catalog, Served};
use crate::cluster::Cluster;
use crate::error::{ApiError, FieldError};
use crate::hook::{HookCx, KindHook};
use crate::meta;
use crate::negotiate::Format;
use crate::request::{Query, RequestInfo};
use argosy_object::Value;
use http::HeaderMap;
use jiff::Timestamp;
use std::borrow::Cow;
use std::sync::Arc;

/// A request for a resource.
pub(crate) struct Call<'a> {
    pub cluster: &'a Arc<Cluster>,
    pub catalog: Arc<Catalog>,
    pub served: Served,
    pub info: &'a RequestInfo,
    pub query: &'a Query,
    pub headers: &'a HeaderMap,
    pub format: Format,
    pub now: Timestamp,
    /// Sent as `Warning` headers.
    pub warnings: Vec<String>,
    /// Whether only the head of the answer is asked for, which resources do not have.
    pub is_head: bool,
}

/// `fieldValidation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldValidation {
    Ignore,
    Warn,
    Strict,
}

/// What the store holds may be this large.
const MANAGER_MAX: usize = 128;

impl Call<'_> {
    pub(crate) fn hook(&self) -> &dyn KindHook {
        self.cluster
            .hooks
            .of(self.served.group(), &self.served.kind.gvk.kind)
    }

    pub(crate) fn cx(&self, dry_run: bool) -> HookCx<'_> {
        HookCx {
            now: self.now,
            user: &self.info.user,
            info: self.info,
            dry_run,
            reader: &**self.cluster,
            authorizer: &*self.cluster.authorizer,
            facts: &self.cluster.facts,
        }
    }

    pub(crate) fn kind(&self) -> &str {
        &self.served.kind.gvk.kind
    }

    pub(crate) fn not_found(&self, name: &str) -> ApiError {
        ApiError::not_found(self.served.group(), self.served.plural(), name)
    }

    pub(crate) fn conflict(&self, name: &str, detail: &str) -> ApiError {
        ApiError::conflict(self.served.group(), self.served.plural(), name, detail)
    }

    pub(crate) fn invalid(&self, name: &str, errors: &[FieldError]) -> ApiError {
        ApiError::invalid(self.served.group(), self.kind(), name, errors)
    }

    pub(crate) fn stamp(&self) -> String {
        meta::stamp(self.now)
    }

    /// `dryRun`; only `All` is known.
    pub(crate) fn dry_run(&self, options: &str) -> Result<bool, ApiError> {
        let mut dry_run = false;
        for value in self.query.all("dryRun").filter(|value| !value.is_empty()) {
            if value != "All" {
                let error = FieldError::not_supported("dryRun", Value::from(vec![value]), &["All"]);
                return Err(ApiError::invalid("meta.k8s.io", options, "", &[error]));
            }
            dry_run = true;
        }
        Ok(dry_run)
    }

    pub(crate) fn field_validation(&self, options: &str) -> Result<FieldValidation, ApiError> {
        match self.query.text("fieldValidation") {
            None | Some("Warn") => Ok(FieldValidation::Warn),
            Some("Strict") => Ok(FieldValidation::Strict),
            Some("Ignore") => Ok(FieldValidation::Ignore),
            Some(other) => {
                let known = ["", "Ignore", "Strict", "Warn"];
                let error = FieldError::not_supported("fieldValidation", other, &known);
                Err(ApiError::invalid("meta.k8s.io", options, "", &[error]))
            }
        }
    }

    /// `fieldManager`, or what the user agent says before its first slash.
    pub(crate) fn manager(&self, options: &str) -> Result<String, ApiError> {
        if let Some(manager) = self.query.text("fieldManager") {
            let unprintable = manager.chars().enumerate().find(|(_, c)| c.is_control());
            if manager.len() > MANAGER_MAX || unprintable.is_some() {
                let error = if manager.len() > MANAGER_MAX {
                    FieldError::too_long("fieldManager", MANAGER_MAX)
                } else {
                    let (at, found) = unprintable.unwrap_or_default();
                    let detail = format!(
                        "invalid character U+{:04X} (at position {at})",
                        u32::from(found)
                    );
                    FieldError::invalid("fieldManager", manager, &detail)
                };
                return Err(ApiError::invalid("meta.k8s.io", options, "", &[error]));
            }
            return Ok(manager.into());
        }
        let agent = self
            .headers
            .get(http::header::USER_AGENT)
            .and_then(|v| v.to_str().ok());
        let prefix = agent
            .unwrap_or_default()
            .split('/')
            .next()
            .unwrap_or_default();
        let mut end = prefix.len().min(MANAGER_MAX);
        while !prefix.is_char_boundary(end) {
            end -= 1;
        }
        Ok(if end == 0 {
            "unknown".into()
        } else {
            prefix[..end].into()
        })
    }

    /// Deals with unknown and duplicate fields as `fieldValidation` says.
    pub(crate) fn judge_fields(
        &mut self,
        validation: FieldValidation,
        problems: Vec<String>,
        refuse: impl FnOnce(&str) -> ApiError,
    ) -> Result<(), ApiError> {
        if problems.is_empty() {
            return Ok(());
        }
        match validation {
            FieldValidation::Ignore => Ok(()),
            FieldValidation::Warn => {
                self.warnings.extend(problems);
                Ok(())
            }
            FieldValidation::Strict => Err(refuse(&format!(
                "strict decoding error: {}",
                problems.join(", ")
            ))),
        }
    }

    /// Loads the object the request names, in the version that is stored.
    pub(crate) fn load(&self, name: &str) -> Result<Value, ApiError> {
        self.cluster
            .load(&self.served, &self.info.namespace, name)
            .ok_or_else(|| self.not_found(name))
    }

    /// A borrowed object in the version of the request: the same one where that is as stored.
    pub(crate) fn seen<'v>(&self, object: &'v Value) -> Result<Cow<'v, Value>, ApiError> {
        if crate::convert::is_shown_as_stored(&self.served, object) {
            return Ok(Cow::Borrowed(object));
        }
        self.shown(object.clone()).map(Cow::Owned)
    }

    /// The object in the version of the request.
    pub(crate) fn shown(&self, object: Value) -> Result<Value, ApiError> {
        self.cluster.to_version(&self.served, object)
    }
}

/// The words for unknown and duplicate fields, in the order of the body where that is known.
pub(crate) fn field_problems(
    unknown: &[String],
    duplicates: &[String],
    body: Option<&[u8]>,
) -> Vec<String> {
    let named = |word: &'static str| {
        move |path: &String| (path.clone(), format!("{word} field \"{path}\""))
    };
    let mut problems: Vec<(String, String)> = duplicates
        .iter()
        .map(named("duplicate"))
        .chain(unknown.iter().map(named("unknown")))
        .collect();
    if problems.len() > 1 {
        let order = body.map(crate::decode::paths_in_order).unwrap_or_default();
        problems.sort_by_key(|(path, _)| order.get(path).copied().unwrap_or(usize::MAX));
    }
    problems.into_iter().map(|(_, text)| text).collect()
}
