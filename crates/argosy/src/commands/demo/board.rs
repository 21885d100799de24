//! The live table of the demo.

use crate::session::Session;
use argosy_crds::{ApplicationStatus, HealthCode, SyncCode};
use argosy_frame::HubStore;
use argosy_object::Object;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

/// Counts of all Applications, drawn again and again on a terminal and once a second elsewhere.
pub(super) struct Board {
    is_terminal: bool,
    is_silent: bool,
    drawn: usize,
    last_line: String,
    rows: BTreeMap<String, Row>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Row {
    total: usize,
    synced: usize,
    healthy: usize,
}

impl Board {
    pub(super) fn new(session: &Session, is_silent: bool) -> Self {
        Self {
            is_terminal: session.terminal.stderr,
            is_silent,
            drawn: 0,
            last_line: String::new(),
            rows: BTreeMap::new(),
        }
    }

    /// Counts, and draws what changed.
    pub(super) fn look(&mut self, store: &HubStore, elapsed: Duration) {
        let mut rows: BTreeMap<String, Row> = BTreeMap::new();
        for application in store.list("argoproj.io", "Application") {
            let set = set_name(&application);
            let row = rows.entry(set).or_default();
            let (is_synced, is_healthy) = state(&application);
            row.total += 1;
            row.synced += usize::from(is_synced);
            row.healthy += usize::from(is_healthy);
        }
        self.rows = rows;
        if self.is_silent {
            return;
        }
        if self.is_terminal {
            self.draw(elapsed)
        } else {
            self.line(elapsed)
        }
    }

    pub(super) fn total(&self) -> usize {
        self.rows.values().map(|row| row.total).sum()
    }

    pub(super) fn synced(&self) -> usize {
        self.rows.values().map(|row| row.synced).sum()
    }

    pub(super) fn healthy(&self) -> usize {
        self.rows.values().map(|row| row.healthy).sum()
    }

    pub(super) fn is_well(&self, expected: usize) -> bool {
        self.total() == expected && self.synced() == expected && self.healthy() == expected
    }

    pub(super) fn finish(&mut self) {
        self.drawn = 0;
    }

    /// One sentence for each Application that is not well, at most twenty.
    pub(super) fn reasons(&self, store: &HubStore) -> Vec<String> {
        let mut reasons: Vec<String> = store
            .list("argoproj.io", "Application")
            .iter()
            .filter(|application| state(application) != (true, true))
            .map(reason)
            .collect();
        let total = reasons.len();
        if total > 20 {
            reasons.truncate(20);
            reasons.push(format!("… and {} more", total - 20));
        }
        if self.total() == 0 {
            reasons.push(
                "no Application was generated; see `kubectl get applicationsets -n argocd -o yaml`"
                    .into(),
            );
        }
        reasons
    }

    fn draw(&mut self, elapsed: Duration) {
        let mut text = String::new();
        if self.drawn > 0 {
            let _ = write!(text, "\x1b[{}A", self.drawn);
        }
        let _ = writeln!(
            text,
            "\x1b[K{:<16} {:>6} {:>8} {:>8}   {:.1} s",
            "SET",
            "APPS",
            "SYNCED",
            "HEALTHY",
            elapsed.as_secs_f64()
        );
        for (name, row) in &self.rows {
            let _ = writeln!(
                text,
                "\x1b[K{name:<16} {:>6} {:>8} {:>8}",
                row.total, row.synced, row.healthy
            );
        }
        let _ = std::io::stderr().write_all(text.as_bytes());
        self.drawn = self.rows.len() + 1;
    }

    fn line(&mut self, elapsed: Duration) {
        let line = format!(
            "{} applications, {} synced, {} healthy",
            self.total(),
            self.synced(),
            self.healthy()
        );
        if line != self.last_line {
            let _ = writeln!(
                std::io::stderr(),
                "{:>5.1} s  {line}",
                elapsed.as_secs_f64()
            );
            self.last_line = line;
        }
    }
}

fn set_name(application: &Object) -> String {
    let owners = application.pointer("/metadata/ownerReferences/0/name");
    owners
        .and_then(|name| name.as_str())
        .unwrap_or("(none)")
        .to_owned()
}

fn state(application: &Object) -> (bool, bool) {
    let status = ApplicationStatus::of(application).unwrap_or_default();
    let is_running = status
        .operation_state
        .as_ref()
        .is_some_and(|state| !state.phase.is_completed());
    (
        status.sync.status == SyncCode::Synced && !is_running,
        status.health.status == Some(HealthCode::Healthy),
    )
}

fn reason(application: &Object) -> String {
    let status = ApplicationStatus::of(application).unwrap_or_default();
    let health = status.health.status.unwrap_or(HealthCode::Unknown);
    let mut text = format!(
        "{}: {} and {}",
        application.name(),
        status.sync.status.as_str(),
        health.as_str()
    );
    let operation = status
        .operation_state
        .map(|state| state.message)
        .unwrap_or_default();
    let more = status
        .conditions
        .iter()
        .map(|condition| condition.message.clone())
        .chain([status.health.message, operation])
        .find(|message| !message.is_empty());
    if let Some(more) = more {
        let _ = write!(text, ": {more}");
    }
    text
}
