//! Stage `apply`: carries out a sync machine's commands.

use argosy_crds::{OperationState, names};
use argosy_health::health;
use argosy_object::{Class, Classified as _, Gvk, Object};
use argosy_ports::{
    ApiError, ApiErrorKind, Applied, AppliedHow, ApplyMode, ApplyOptions, Clock, Cluster,
    DeleteOptions, Identity, LiveWant, Propagation,
};
use argosy_sync::{Action, ObjectOptions, PlanStep, SyncCommand, SyncEvent, SyncMachine};
use async_trait::async_trait;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::time::Instant;

/// How often an object whose kind is not served yet is tried again, and after which pause: its
/// CRD may be part of the same sync.
const KIND_TRIES: u32 = 40;
const KIND_PAUSE: Duration = Duration::from_millis(250);
/// How often observed objects are looked at where no change is reported.
const OBSERVE_PAUSE: Duration = Duration::from_secs(5);

/// How long an observed object must be gone to count as deleted.
const ABSENCE: Duration = Duration::from_secs(5);

/// The outcome of storing an operation's state.
pub type Recorded = Result<(), String>;

/// Stores an operation's state on the hub before anything is applied.
#[async_trait]
pub trait OperationStore: Send + Sync {
    /// Stores `state`; `Ok` only once it is durable.
    async fn record(&self, state: &OperationState) -> Recorded;
}

/// Carries out one operation on one cluster.
pub struct OperationDriver {
    /// The cluster.
    pub cluster: Arc<dyn Cluster>,
    /// On whose behalf.
    pub identity: Identity,
    /// Tells the time to the machine.
    pub clock: Arc<dyn Clock>,
    /// The tracking name of the application, for looking at live objects.
    pub instance: String,
    /// Ask, and change nothing.
    pub dry_run: bool,
    /// Places of the operations that write to the cluster at this moment. One that waits for
    /// health, or for a retry, has none.
    pub turns: Arc<Semaphore>,
}

struct Run<'a> {
    machine: &'a mut SyncMachine,
    commands: VecDeque<SyncCommand>,
    observed: BTreeSet<usize>,
    /// Since when an observed object is not there.
    absent: BTreeMap<usize, Instant>,
    wake: Option<Instant>,
}

type Outcome = (usize, bool, Result<String, String>);

impl OperationDriver {
    /// Runs a machine to its end and returns the final state.
    ///
    /// `terminate` turns true where somebody wants it to end; what is under way is waited for.
    ///
    /// # Errors
    /// Where the state could not be stored; then nothing has been applied.
    pub async fn run(
        &self,
        mut machine: SyncMachine,
        first: Vec<SyncCommand>,
        store: &dyn OperationStore,
        mut terminate: watch::Receiver<bool>,
    ) -> Result<OperationState, String> {
        let steps: Arc<[PlanStep]> = machine.plan().steps.clone().into();
        let mut changes = self.cluster.changes();
        let mut run = Run {
            machine: &mut machine,
            commands: first.into(),
            observed: BTreeSet::new(),
            absent: BTreeMap::new(),
            wake: None,
        };
        let mut under_way = FuturesUnordered::new();
        let mut is_terminated = false;
        let mut turn = None;
        loop {
            while let Some(command) = run.commands.pop_front() {
                if let (None, SyncCommand::Apply(step) | SyncCommand::Delete(step)) =
                    (&turn, &command)
                {
                    turn = self.turn(&mut terminate).await;
                    if turn.is_none() {
                        if !is_terminated {
                            is_terminated = true;
                            run.feed(self.clock.now(), SyncEvent::Terminate);
                        }
                        let is_apply = matches!(command, SyncCommand::Apply(_));
                        let outcome = Err("the operation was terminated before its turn".into());
                        run.feed(self.clock.now(), event(*step, is_apply, outcome));
                        continue;
                    }
                }
                match command {
                    SyncCommand::Record(state) => {
                        store.record(&state).await?;
                        run.feed(self.clock.now(), SyncEvent::Recorded);
                    }
                    SyncCommand::Apply(step) => {
                        under_way.push(self.step(steps.clone(), step, true));
                    }
                    SyncCommand::Delete(step) => {
                        under_way.push(self.step(steps.clone(), step, false));
                    }
                    SyncCommand::Observe(steps_to_see) => {
                        run.observed = steps_to_see.into_iter().collect();
                        self.observe(&mut run, &steps).await;
                    }
                    SyncCommand::Wake(at) => {
                        run.observed.clear();
                        // A clock that is set meanwhile changes nothing.
                        let wait = at.duration_since(self.clock.now());
                        let wait = Duration::try_from(wait).unwrap_or_default();
                        run.wake = Some(Instant::now() + wait);
                    }
                    SyncCommand::Finish(state) => return Ok(*state),
                }
            }
            if under_way.is_empty() {
                turn = None;
            }
            // In this order whatever else is ready: what happens follows from what happened.
            tokio::select! {
                biased;
                Ok(()) = terminate.changed(), if !is_terminated => {
                    if *terminate.borrow() {
                        is_terminated = true;
                        run.feed(self.clock.now(), SyncEvent::Terminate);
                    }
                }
                Some((step, is_apply, outcome)) = under_way.next(), if !under_way.is_empty() => {
                    run.feed(self.clock.now(), event(step, is_apply, outcome));
                }
                () = until(run.wake), if run.wake.is_some() => {
                    run.wake = None;
                    run.feed(self.clock.now(), SyncEvent::Tick);
                }
                _ = changes.recv(), if !run.observed.is_empty() => {
                    self.observe(&mut run, &steps).await;
                }
                () = tokio::time::sleep(OBSERVE_PAUSE), if !run.observed.is_empty() => {
                    self.observe(&mut run, &steps).await;
                }
            }
        }
    }

    /// Waits for a place; `None` where the operation is to end first.
    async fn turn(&self, terminate: &mut watch::Receiver<bool>) -> Option<SemaphorePermit<'_>> {
        if *terminate.borrow() {
            return None;
        }
        tokio::select! {
            biased;
            turn = self.turns.acquire() => turn.ok(),
            Ok(_) = terminate.wait_for(|ends| *ends) => None,
        }
    }

    /// Tells the machine the health of the objects that it observes.
    async fn observe(&self, run: &mut Run<'_>, steps: &[PlanStep]) {
        let wanted: Vec<usize> = run.observed.iter().copied().collect();
        let keys = wanted
            .iter()
            .map(|at| (steps[*at].gvk.clone(), steps[*at].key.clone()))
            .collect();
        let want = LiveWant {
            instance: self.instance.clone(),
            keys,
            ..LiveWant::default()
        };
        let Ok(live) = self.cluster.live(&want).await else {
            return;
        };
        for at in wanted {
            let Some(found) = live.objects.get(&steps[at].key) else {
                // What is not there may have been deleted, or the cache has not seen it yet.
                let since = *run.absent.entry(at).or_insert_with(Instant::now);
                if since.elapsed() >= ABSENCE {
                    run.feed(self.clock.now(), SyncEvent::Missing { step: at });
                }
                continue;
            };
            run.absent.remove(&at);
            let health = health(&found.object);
            run.feed(self.clock.now(), SyncEvent::Health { step: at, health });
        }
    }

    async fn step(&self, steps: Arc<[PlanStep]>, index: usize, is_apply: bool) -> Outcome {
        let step = &steps[index];
        let outcome = match &step.action {
            Action::Apply { desired, live } => {
                self.apply(&steps, step, desired, live.as_ref()).await
            }
            Action::Prune { live } => self.prune(step, live).await,
            Action::SkipPrune(_) | Action::Refuse(_) => Ok(String::new()),
        };
        (index, is_apply, outcome)
    }

    async fn apply(
        &self,
        steps: &[PlanStep],
        step: &PlanStep,
        desired: &Object,
        live: Option<&Object>,
    ) -> Result<String, String> {
        let options = ApplyOptions {
            dry_run: self.dry_run,
            ..apply_options(&step.options)
        };
        let brings_kind = steps.iter().any(|other| defines(other, &step.gvk));
        let mut tries = 0;
        loop {
            match self
                .cluster
                .apply(&self.identity, desired, live, &options)
                .await
            {
                Ok(applied) => {
                    let sentence = sentence(&step.gvk, desired.name(), &applied);
                    return Ok(if self.dry_run {
                        format!("{sentence} (dry run)")
                    } else {
                        sentence
                    });
                }
                Err(error)
                    if error.kind == ApiErrorKind::NoKind && brings_kind && tries < KIND_TRIES =>
                {
                    tries += 1;
                    tokio::time::sleep(KIND_PAUSE).await;
                }
                Err(error) => return Err(refusal(step, &error)),
            }
        }
    }

    async fn prune(&self, step: &PlanStep, live: &Object) -> Result<String, String> {
        if self.dry_run {
            return Ok("pruned (dry run)".into());
        }
        let propagation = match step.options.get("PrunePropagationPolicy") {
            Some("background") => Propagation::Background,
            Some("orphan") => Propagation::Orphan,
            _ => Propagation::Foreground,
        };
        let options = DeleteOptions {
            propagation,
            uid: Some(live.uid().to_owned()).filter(|uid| !uid.is_empty()),
            resource_version: None,
        };
        match self
            .cluster
            .remove(&self.identity, &step.gvk, &step.key, &options)
            .await
        {
            Ok(_) => Ok("pruned".into()),
            Err(error) => Err(refusal(step, &error)),
        }
    }
}

async fn until(at: Option<Instant>) {
    if let Some(at) = at {
        tokio::time::sleep_until(at).await;
    }
}

impl Run<'_> {
    fn feed(&mut self, now: Timestamp, event: SyncEvent) {
        self.commands.extend(self.machine.advance(now, event));
    }
}

fn event(step: usize, is_apply: bool, outcome: Result<String, String>) -> SyncEvent {
    if is_apply {
        SyncEvent::Applied { step, outcome }
    } else {
        SyncEvent::Deleted { step, outcome }
    }
}

/// The way of applying that an object's options ask for; `Replace` goes before server-side.
fn apply_options(options: &ObjectOptions) -> ApplyOptions {
    let mode = if options.is("Replace") {
        ApplyMode::Replace
    } else if options.is("ServerSideApply") {
        ApplyMode::ServerSide
    } else {
        ApplyMode::ThreeWay
    };
    ApplyOptions {
        mode,
        force: options.is("Force"),
        manager: names::FIELD_MANAGER.into(),
        validate: options.get("Validate") != Some("false"),
        dry_run: false,
    }
}

/// kubectl's sentence, such as `deployment.apps/web configured`.
fn sentence(gvk: &Gvk, name: &str, applied: &Applied) -> String {
    let how = match applied.how {
        AppliedHow::Created => "created",
        AppliedHow::Configured => "configured",
        AppliedHow::Unchanged => "unchanged",
        AppliedHow::ServerSideApplied => "serverside-applied",
        AppliedHow::Replaced => "replaced",
    };
    let kind = gvk.kind.to_lowercase();
    let dot = if gvk.group.is_empty() { "" } else { "." };
    format!("{kind}{dot}{}/{name} {how}", gvk.group)
}

/// What the cluster said, and what to do where that is known.
fn refusal(step: &PlanStep, error: &ApiError) -> String {
    match (error.kind, error.class()) {
        (ApiErrorKind::NoKind, _) => missing_kind(step),
        (_, Class::Denied) => format!(
            "{error} (give the cluster Secret's credential the right, or take the object out of Git)"
        ),
        _ => error.to_string(),
    }
}

/// Compat: Argo CD's sentence for a kind that the cluster does not serve.
pub(crate) fn missing_kind(step: &PlanStep) -> String {
    let group = if step.key.group.is_empty() {
        ""
    } else {
        &*step.key.group
    };
    format!(
        "The Kubernetes API could not find {group}/{kind} for requested resource {ns}/{name}. \
         Make sure the \"{kind}\" CRD is installed on the destination cluster.",
        kind = step.key.kind,
        ns = step.key.namespace_or_empty(),
        name = step.key.name
    )
}

/// Whether a step applies the CRD of a kind.
fn defines(step: &PlanStep, gvk: &Gvk) -> bool {
    let Action::Apply { desired, .. } = &step.action else {
        return false;
    };
    let text = |pointer| {
        desired
            .pointer(pointer)
            .and_then(argosy_object::Value::as_str)
    };
    desired.kind() == "CustomResourceDefinition"
        && text("/spec/group") == Some(&gvk.group)
        && text("/spec/names/kind") == Some(&gvk.kind)
}
