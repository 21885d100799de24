//! Sees every request that reaches an API server, and holds the invariants there and then.

use crate::clock::HostClock;
use crate::model::{self, Item};
use crate::operations::Operations;
use crate::repository::Repository;
use argosy_kubeapi::{MemoryStorage, Storage};
use argosy_object::Value;
use bytes::Bytes;
use http::{Method, StatusCode};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// One request, as far as the invariants look at it.
#[derive(Clone)]
pub struct Passing {
    pub link: String,
    pub method: Method,
    pub path: String,
    pub is_watch: bool,
    pub is_dry: bool,
    body: Bytes,
}

/// The state of an object before a write.
#[derive(Default)]
pub struct Before {
    rev: Option<u64>,
    operation: Option<String>,
    is_from_the_dead: bool,
}

/// What passed since the last count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub reads: usize,
    pub watches: usize,
    pub writes: usize,
}

#[derive(Default)]
struct State {
    trace: Vec<String>,
    counts: Counts,
    faults: Vec<String>,
    operations: BTreeMap<String, Operations>,
    /// By cluster and object: the operation that wrote it last, until somebody else does.
    writers: BTreeMap<(String, String), String>,
}

pub struct Watchman {
    clock: Arc<HostClock>,
    repository: Arc<Repository>,
    stores: BTreeMap<String, MemoryStorage>,
    state: Mutex<State>,
}

impl Passing {
    pub fn new(link: &str, head: &http::request::Parts, body: Bytes) -> Self {
        let query = head.uri.query().unwrap_or_default();
        Self {
            link: link.into(),
            method: head.method.clone(),
            path: head.uri.path().into(),
            is_watch: query.contains("watch=true"),
            is_dry: query.contains("dryRun"),
            body,
        }
    }

    /// The name of the object that is written, where it is one of an application's.
    fn object(&self) -> Option<String> {
        let is_write = self.method != Method::GET && !self.is_dry;
        if self.link == "hub" || !is_write {
            return None;
        }
        let name = if self.method == Method::POST {
            let value: Value = serde_json::from_slice(&self.body).ok()?;
            value.pointer("/metadata/name")?.as_str()?.to_owned()
        } else {
            self.path.rsplit('/').next()?.to_owned()
        };
        model::app_of(&name).map(|_| name)
    }

    /// The Application that is written.
    fn application(&self) -> Option<String> {
        let (before, name) = self.path.rsplit_once('/')?;
        let is_one = before.ends_with("/namespaces/argocd/applications");
        (self.link == "hub" && self.method != Method::GET && is_one).then(|| name.to_owned())
    }
}

impl Watchman {
    pub fn new(
        clock: Arc<HostClock>,
        repository: Arc<Repository>,
        stores: BTreeMap<String, MemoryStorage>,
    ) -> Arc<Self> {
        Arc::new(Self {
            clock,
            repository,
            stores,
            state: Mutex::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Writes a line into the run's record.
    pub fn say(&self, line: &str) {
        let at = self.clock.passed_ms();
        self.lock().trace.push(format!("{at:>8} {line}"));
    }

    pub fn fault(&self, what: String) {
        self.say(&format!("FAULT {what}"));
        self.lock().faults.push(what);
    }

    pub fn faults(&self) -> Vec<String> {
        self.lock().faults.clone()
    }

    pub fn trace(&self) -> Vec<String> {
        self.lock().trace.clone()
    }

    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// How often an operation of this author came to its end.
    pub fn completions(&self, app: &str, author: &str) -> usize {
        let state = self.lock();
        let operations = state.operations.get(app);
        operations.map_or(0, |known| known.completions(author))
    }

    /// Somebody else changed or deleted an object.
    pub fn edited(&self, cluster: &str, name: &str) {
        self.lock()
            .writers
            .remove(&(cluster.to_owned(), name.to_owned()));
    }

    pub fn note(&self, passing: &Passing, outcome: &str) {
        let mark = if passing.is_watch { " watch" } else { "" };
        self.say(&format!(
            "{} {}{mark} {} -> {outcome}",
            passing.link, passing.method, passing.path
        ));
        let counts = &mut self.lock().counts;
        match (&passing.method, passing.is_watch) {
            (_, true) => counts.watches += 1,
            (&Method::GET, _) => counts.reads += 1,
            _ => counts.writes += 1,
        }
    }

    /// An Application as the hub's store has it.
    pub fn application(&self, name: &str) -> Option<Value> {
        let key = format!("/argoproj.io/applications/argocd/{name}");
        let stored = self.stores["hub"].get(&key)?;
        serde_json::from_slice(&stored.json).ok()
    }

    /// A request reaches its server.
    pub fn arrives(&self, passing: &Passing, is_from_the_dead: bool) -> Before {
        let Some(name) = passing.object() else {
            return Before::default();
        };
        // What a process sent before it died still arrives.
        if !is_from_the_dead && let Err(why) = self.judge(passing, &name) {
            let trace = format!("{} {} {name}", passing.link, passing.method);
            self.fault(format!("{trace}: {why}"));
        }
        let app = model::app_name(model::app_of(&name).unwrap());
        let operation = self.application(&app).and_then(|app| attempt_id(&app));
        Before {
            rev: self.stores[&passing.link]
                .get(&model::place(&name))
                .map(|stored| stored.rev),
            operation,
            is_from_the_dead,
        }
    }

    /// Whether a write is what the operation that runs may do.
    fn judge(&self, passing: &Passing, name: &str) -> Result<(), String> {
        let app = model::app_of(name).unwrap();
        let application = self
            .application(&model::app_name(app))
            .ok_or("its Application is not there")?;
        let text = |pointer: &str| application.pointer(pointer).and_then(Value::as_str);
        let is_going = text("/metadata/deletionTimestamp").is_some();
        if passing.method == Method::DELETE && is_going {
            return Ok(());
        }
        let item = self.declared(&application, app, name)?;
        if passing.method != Method::DELETE {
            let is_in = item.is_some();
            return is_in.then_some(()).ok_or("it is not declared".into());
        }
        if item.is_some() {
            return Err("what is declared is deleted".into());
        }
        let prunes = application.pointer("/status/operationState/operation/sync/prune");
        match prunes.and_then(Value::as_bool) {
            Some(true) => Ok(()),
            _ => Err("the operation does not prune".into()),
        }
    }

    /// What the running operation's revision says of an object.
    fn declared(
        &self,
        application: &Value,
        app: usize,
        name: &str,
    ) -> Result<Option<Item>, String> {
        let text = |pointer: &str| application.pointer(pointer).and_then(Value::as_str);
        let phase = text("/status/operationState/phase").unwrap_or("none");
        if !matches!(phase, "Running" | "Terminating") {
            return Err(format!("no operation runs: {phase}"));
        }
        let revision = text("/status/operationState/syncResult/revision").unwrap_or("none");
        let commit = self.repository.commit_of(revision);
        let commit = commit.ok_or_else(|| format!("revision {revision} is none"))?;
        let declared = commit.apps[app].as_ref();
        let declared = declared.ok_or("the revision does not render")?;
        Ok(declared.get(name).cloned())
    }

    /// A server has answered.
    pub fn answered(&self, passing: &Passing, before: Before, status: StatusCode) {
        self.note(passing, status.as_str());
        if !status.is_success() {
            return;
        }
        if let Some(name) = passing.application() {
            self.application_written(&name);
        }
        if let Some(name) = passing.object() {
            self.object_written(passing, &name, before);
        }
    }

    fn application_written(&self, name: &str) {
        let Some(application) = self.application(name) else {
            return;
        };
        self.say(&format!("   {name} {}", in_short(&application)));
        let complaint = {
            let mut state = self.lock();
            let operations = state.operations.entry(name.to_owned()).or_default();
            operations.see(&application)
        };
        if let Err(complaint) = complaint {
            self.fault(format!("{name}: {complaint}"));
        }
    }

    fn object_written(&self, passing: &Passing, name: &str, before: Before) {
        let stored = self.stores[&passing.link].get(&model::place(name));
        let is_changed = stored.as_ref().map(|stored| stored.rev) != before.rev;
        if before.is_from_the_dead || !is_changed || passing.method == Method::DELETE {
            return;
        }
        let Some((operation, stored)) = before.operation.zip(stored) else {
            return;
        };
        let app = model::app_of(name).unwrap();
        let application = self.application(&model::app_name(app));
        let item = application.and_then(|it| self.declared(&it, app, name).ok().flatten());
        let live: Value = serde_json::from_slice(&stored.json).unwrap();
        if let Some(item) = item
            && model::value_of(&live).as_ref() != Some(&item.value)
        {
            let value = &item.value;
            self.fault(format!(
                "{} {name}: is not `{value}` after it was applied",
                passing.link
            ));
        }
        let place = (passing.link.clone(), name.to_owned());
        let last = self.lock().writers.insert(place, operation.clone());
        if last.as_ref() == Some(&operation) {
            self.fault(format!(
                "{} {name}: operation {operation} applies it twice",
                passing.link
            ));
        }
    }
}

/// What tells an attempt of an operation from others: each has a plan of its own.
fn attempt_id(application: &Value) -> Option<String> {
    let retries = application.pointer("/status/operationState/retryCount");
    let retries = retries.and_then(Value::as_i64).unwrap_or(0);
    Some(format!("{}#{retries}", operation_id(application)?))
}

/// An Application in one line.
fn in_short(application: &Value) -> String {
    let text = |pointer: &str| {
        let found = application.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or("-").to_owned()
    };
    let history = application.pointer("/status/history");
    let last = history.and_then(Value::as_array).and_then(|all| all.last());
    format!(
        "is {} and {} at {:.6}; {} {} at {:.6}: {:?}; history to {} at {:.6}",
        text("/status/sync/status"),
        text("/status/health/status"),
        text("/status/sync/revision"),
        operation_id(application).unwrap_or_default(),
        text("/status/operationState/phase"),
        text("/status/operationState/syncResult/revision"),
        text("/status/operationState/message"),
        last.map_or(-1, |last| last["id"].as_i64().unwrap_or(-1)),
        last.map_or("-", |last| last["revision"].as_str().unwrap_or("-")),
    )
}

/// What tells an operation from others.
pub fn operation_id(application: &Value) -> Option<String> {
    let state = application.pointer("/status/operationState")?;
    let author = state.pointer("/operation/initiatedBy/username");
    let attempts = state.pointer("/operation/sync/autoHealAttemptsCount");
    let revision = state.pointer("/operation/sync/revision");
    let revision = revision.and_then(Value::as_str).unwrap_or_default();
    Some(format!(
        "{}/{}/{}{revision:.6}",
        state.get("startedAt")?.as_str()?,
        author.and_then(Value::as_str).unwrap_or("auto"),
        attempts.and_then(Value::as_i64).unwrap_or(0),
    ))
}
