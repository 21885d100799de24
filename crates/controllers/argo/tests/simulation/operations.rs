//! The operations of one Application, as its status tells them write after write.

use crate::watchman::operation_id;
use argosy_object::Value;
use std::collections::BTreeMap;

#[derive(Default)]
pub struct Operations {
    uid: String,
    /// The operation that ended last. Another one that began in the same second for the same
    /// revision has its name, so that only the last one is known by it.
    completed: Option<String>,
    by_author: BTreeMap<String, usize>,
    /// Revision of the operation that ended last, and of the one before.
    ended: Vec<String>,
    history: Vec<Value>,
}

impl Operations {
    pub fn completions(&self, author: &str) -> usize {
        self.by_author.get(author).copied().unwrap_or(0)
    }

    /// Takes a state that was written; says what must not be.
    pub fn see(&mut self, application: &Value) -> Result<(), String> {
        let text = |pointer: &str| application.pointer(pointer).and_then(Value::as_str);
        let uid = text("/metadata/uid").unwrap_or_default();
        if self.uid != uid {
            let by_author = std::mem::take(&mut self.by_author);
            *self = Self {
                uid: uid.into(),
                by_author,
                ..Self::default()
            };
        }
        if let Some(id) = operation_id(application) {
            self.see_operation(application, id)?;
        }
        self.see_history(application)
    }

    fn see_operation(&mut self, application: &Value, id: String) -> Result<(), String> {
        let text = |pointer: &str| application.pointer(pointer).and_then(Value::as_str);
        let phase = text("/status/operationState/phase").unwrap_or_default();
        if matches!(phase, "Running" | "Terminating") {
            return if self.completed.as_ref() == Some(&id) {
                Err(format!("operation {id} runs again after its end"))
            } else {
                Ok(())
            };
        }
        if self.completed.as_ref() != Some(&id) {
            self.completed = Some(id);
            let author = text("/status/operationState/operation/initiatedBy/username");
            *self
                .by_author
                .entry(author.unwrap_or("auto").into())
                .or_default() += 1;
            let revision = text("/status/operationState/syncResult/revision");
            self.ended.push(revision.unwrap_or_default().into());
        }
        Ok(())
    }

    /// Entries come one at a time, with rising numbers; an automated one is not for what the
    /// operation just before was for.
    fn see_history(&mut self, application: &Value) -> Result<(), String> {
        let history = application.pointer("/status/history");
        let history = history
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        if history == self.history {
            return Ok(());
        }
        let last_id = |entries: &[Value]| entries.last().and_then(|entry| entry["id"].as_i64());
        let expected = last_id(&self.history).map_or(0, |id| id + 1);
        let kept = self.history.len().min(history.len().saturating_sub(1));
        let is_kept = self.history[self.history.len() - kept..] == history[..kept];
        if last_id(&history) != Some(expected) || !is_kept {
            return Err(format!(
                "history goes from {:?} to {history:?}",
                self.history
            ));
        }
        let entry = history.last().cloned().unwrap_or_default();
        self.history = history;
        let is_automated = entry.pointer("/initiatedBy/automated") == Some(&Value::Bool(true));
        let before = self.ended.len().checked_sub(2).map(|at| &self.ended[at]);
        if is_automated && before.map(String::as_str) == entry["revision"].as_str() {
            return Err(format!("{} is synced twice", entry["revision"]));
        }
        Ok(())
    }
}
