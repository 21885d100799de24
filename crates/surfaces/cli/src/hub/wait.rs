//! Waiting for an application, by watching it.

use super::{Hub, applications, failed};
use crate::failure::Failure;
use crate::view::app::{health_word, sync_word};
use argosy_object::Object;
use argosy_ports::{ApiErrorKind, ListOptions, WatchEvent, WatchOptions};
use futures_util::StreamExt;
use std::time::Duration;

/// Between two attempts to watch.
const AGAIN: Duration = Duration::from_millis(300);
/// What "without limit" means: longer than anybody waits.
const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// What an application is waited for; none set means sync, health and operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WaitFor {
    /// Synced.
    pub sync: bool,
    /// Healthy.
    pub health: bool,
    /// No operation is running.
    pub operation: bool,
    /// Suspended counts as healthy.
    pub suspended: bool,
    /// Degraded counts as healthy.
    pub degraded: bool,
}

impl WaitFor {
    fn or_default(self) -> Self {
        if self == Self::default() {
            return Self {
                sync: true,
                health: true,
                operation: true,
                ..self
            };
        }
        self
    }

    /// Whether an application is where it should be.
    pub fn fits(self, app: &Object) -> bool {
        let wanted = self.or_default();
        // What is asked for beside `Healthy` asks for health as well.
        let health_matters = wanted.health || wanted.suspended || wanted.degraded;
        let health = match health_word(app) {
            "Healthy" => wanted.health || !(wanted.suspended || wanted.degraded),
            "Suspended" => wanted.suspended,
            "Degraded" => wanted.degraded,
            _ => false,
        };
        (!health_matters || health)
            && (!wanted.sync || sync_word(app) == "Synced")
            && (!wanted.operation || !has_operation(app))
    }
}

/// Whether an operation is asked for or under way.
pub(super) fn has_operation(app: &Object) -> bool {
    let state = app.pointer("/status/operationState");
    let running = state.is_some_and(|state| {
        !state.is_null()
            && state
                .get("finishedAt")
                .is_none_or(serde_json::Value::is_null)
    });
    running || app.pointer("/operation").is_some_and(|o| !o.is_null())
}

impl Hub {
    /// Waits until an application is where it should be, telling `tell` on the way. A zero
    /// timeout waits without end.
    ///
    /// # Errors
    /// [`Failure`] after the timeout, or where the application is deleted.
    pub async fn wait_for_app(
        &self,
        app: &Object,
        wanted: WaitFor,
        timeout: Duration,
        mut tell: impl FnMut(&Object),
    ) -> Result<Object, Failure> {
        let namespace = app.namespace().unwrap_or(self.namespace());
        let what = format!("application `{}` to match the desired state", app.name());
        self.until(namespace, app.name(), timeout, &what, |app| {
            tell(app);
            wanted.fits(app).then(|| app.clone())
        })
        .await
    }

    /// Watches one application until `check` gives something.
    pub(super) async fn until<T>(
        &self,
        namespace: &str,
        name: &str,
        timeout: Duration,
        what: &str,
        mut check: impl FnMut(&Object) -> Option<T>,
    ) -> Result<T, Failure> {
        let mut last = None;
        let watching = self.watch_app(namespace, name, |app| match app {
            Some(app) => {
                last = Some(app.clone());
                check(app).map(Ok)
            }
            None => Some(Err(Failure::new(format!(
                "application `{name}` was deleted while waiting for {what}"
            )))),
        });
        let limit = if timeout.is_zero() { FOREVER } else { timeout };
        let result = tokio::time::timeout(limit, watching).await;
        match result {
            Ok(Ok(found)) => found,
            Ok(Err(failure)) => Err(failure),
            Err(_) => Err(timed_out(what, timeout, last.as_ref())),
        }
    }

    /// Waits until an application is gone.
    ///
    /// # Errors
    /// [`Failure`] after the timeout.
    pub async fn until_gone(
        &self,
        namespace: &str,
        name: &str,
        timeout: Duration,
    ) -> Result<(), Failure> {
        let mut last = None;
        let watching = self.watch_app(namespace, name, |app| {
            last = app.cloned();
            app.is_none().then_some(())
        });
        let limit = if timeout.is_zero() { FOREVER } else { timeout };
        match tokio::time::timeout(limit, watching).await {
            Ok(result) => result,
            Err(_) => {
                let what = format!("application `{name}` to be deleted");
                Err(timed_out(&what, timeout, last.as_ref()))
            }
        }
    }

    async fn watch_app<T>(
        &self,
        namespace: &str,
        name: &str,
        mut check: impl FnMut(Option<&Object>) -> Option<T>,
    ) -> Result<T, Failure> {
        let options = WatchOptions {
            list: ListOptions {
                namespace: Some(namespace.into()),
                labels: None,
                fields: Some(format!("metadata.name={name}")),
            },
            from: None,
        };
        let doing = format!("cannot watch application `{name}`");
        loop {
            let mut events = self
                .api()
                .watch(&applications(), &options)
                .await
                .map_err(|error| failed(&error, &doing))?;
            let mut seen = false;
            while let Some(event) = events.next().await {
                let found = match event {
                    Ok(WatchEvent::Added(app) | WatchEvent::Modified(app)) => {
                        seen = true;
                        check(Some(&app))
                    }
                    Ok(WatchEvent::Deleted(_)) => check(None),
                    Ok(WatchEvent::Bookmark(_)) if !seen => check(None),
                    Ok(WatchEvent::Bookmark(_)) => None,
                    Err(error)
                        if matches!(
                            error.kind,
                            ApiErrorKind::Expired | ApiErrorKind::Unreachable | ApiErrorKind::Busy
                        ) =>
                    {
                        break;
                    }
                    Err(error) => return Err(failed(&error, &doing)),
                };
                if let Some(found) = found {
                    return Ok(found);
                }
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// `Compat:` "timed out (Ns) waiting for …" is Argo CD's.
fn timed_out(what: &str, timeout: Duration, last: Option<&Object>) -> Failure {
    let state = last.map_or_else(String::new, |app| {
        let message = app
            .pointer("/status/operationState/message")
            .or_else(|| app.pointer("/status/health/message"))
            .and_then(serde_json::Value::as_str)
            .map(|message| format!(": {message}"))
            .unwrap_or_default();
        format!(
            "; it is {} and {}{message}",
            sync_word(app),
            health_word(app)
        )
    });
    Failure::new(format!(
        "timed out ({}s) waiting for {what}{state}",
        timeout.as_secs()
    ))
    .hint("`argosy app get` shows what it waits for; `--timeout` waits longer")
}
