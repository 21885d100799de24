//! A fleet of tests.

use crate::index::FleetIndex;
use crate::query::AppQuery;
use crate::row::AppKey;
use crate::view::{ActionError, AppDetail, Changes, FleetView, Page, Seq, Summary, SyncRequest};
use async_trait::async_trait;
use std::sync::Mutex;
use tokio::sync::watch;

/// Rows in memory, and a list of what was asked for.
#[derive(Default)]
pub(crate) struct Fake {
    pub(crate) index: FleetIndex,
    pub(crate) asked: Mutex<Vec<String>>,
}

impl Fake {
    fn ask(&self, what: String, key: &AppKey) -> Result<(), ActionError> {
        if key.name == "busy" {
            return Err(ActionError::Busy);
        }
        self.asked.lock().unwrap().push(what);
        Ok(())
    }
}

#[async_trait]
impl FleetView for Fake {
    fn page(&self, query: &AppQuery) -> Page {
        self.index.page(query)
    }
    fn summary(&self) -> Summary {
        self.index.summary()
    }
    async fn app(&self, key: &AppKey) -> Option<AppDetail> {
        let row = self.index.row(key)?;
        Some(AppDetail {
            row: (*row).clone(),
            ..AppDetail::default()
        })
    }
    fn changes(&self, since: Seq, max: usize) -> Changes {
        self.index.changes(since, max)
    }
    fn changed(&self) -> watch::Receiver<Seq> {
        self.index.changed()
    }
    async fn refresh(&self, key: &AppKey, hard: bool) -> Result<(), ActionError> {
        self.ask(format!("refresh {key} hard={hard}"), key)
    }
    async fn sync(&self, key: &AppKey, request: &SyncRequest) -> Result<(), ActionError> {
        self.ask(
            format!("sync {key} prune={} dry={}", request.prune, request.dry_run),
            key,
        )
    }
}
