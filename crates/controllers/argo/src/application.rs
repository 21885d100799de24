//! The Application controller.

mod compare;
mod delete;
mod gate;
mod inspect;
mod operation;
mod reconcile;
mod record;
mod summary;
mod triggers;
mod validate;

use crate::context::Hub;
use crate::follow::Follows;
use argosy_frame::{Queue, Stop, run};
use argosy_object::Key;
use argosy_tree::Changed;
pub use compare::born;
use gate::Gate;
pub use inspect::{InspectError, Inspected};
use record::Records;
use std::sync::Arc;
use tokio::task::JoinSet;
use triggers::Tasks;

/// Brings Applications' objects onto their clusters.
pub struct ApplicationController {
    hub: Arc<Hub>,
    queue: Arc<Queue>,
    records: Records,
    follows: Follows,
    gate: Gate,
    tasks: Arc<Tasks>,
    stop: Stop,
}

/// The controller's name, in logs and as the author of what it writes.
pub(crate) const NAME: &str = "application";
/// How many Applications are reconciled at a time: enough for the gate's share of several
/// clusters that do not answer, and for all others.
const WORKERS: usize = 128;

impl ApplicationController {
    /// Starts the controller in tasks of `tasks`, until `stop`.
    pub fn start(hub: Arc<Hub>, tasks: &mut JoinSet<()>, stop: &Stop) -> Arc<Self> {
        let queue = Arc::new(Queue::new());
        let records = Records::default();
        let known = records.clone();
        let concerns = Arc::new(move |key: &Key, changed: &Changed| {
            known
                .get(key)
                .is_none_or(|record| record.cache.is_hit(changed))
        });
        let controller = Arc::new(Self {
            follows: Follows::new(hub.ports.sources.clone(), queue.clone(), concerns),
            records,
            gate: Gate::new(queue.clone()),
            queue: queue.clone(),
            tasks: Arc::default(),
            stop: stop.clone(),
            hub,
        });
        tasks.spawn(run(NAME, queue, controller.clone(), WORKERS, stop.clone()));
        tasks.spawn(controller.clone().watch_hub(stop.clone()));
        controller
    }

    /// The queue, for metrics.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// Looks at an Application again.
    pub fn touch(&self, key: Key) {
        self.queue.add(key);
    }
}

/// The tracking name of an Application: its name, or `<namespace>_<name>` outside the control
/// namespace.
pub fn instance_name(key: &Key, control_namespace: &str) -> String {
    match key.namespace.as_deref() {
        Some(namespace) if namespace != control_namespace => format!("{namespace}_{}", key.name),
        _ => key.name.to_string(),
    }
}

/// The Application that a tracking name means.
pub fn instance_key(instance: &str, control_namespace: &str) -> Key {
    let (namespace, name) = instance
        .split_once('_')
        .unwrap_or((control_namespace, instance));
    Key::new("argoproj.io", "Application", Some(namespace), name)
}
