//! What every controller stands on: queue, verdicts, hub store, status writer, events.
//!
//! A controller is a [`Reconciler`] over keys. The [`Queue`] sees to it that a key is worked on
//! by one worker at a time, that many wishes for one key become one run, and that failures are
//! repeated with growing pauses. The [`HubStore`] holds the hub's objects as bytes. Only the
//! [`StatusWriter`] writes status.

mod events;
mod hub;
mod offload;
mod queue;
mod runner;
mod stage_times;
mod status;
mod stop;

pub use events::{EventKind, Events};
pub use hub::{HubChange, HubStore};
pub use offload::offload;
pub use queue::Queue;
pub use runner::{Reconciler, Verdict, run};
pub use stage_times::{STAGE_BUCKETS, StageTime, StageTimes};
pub use status::{StatusError, StatusWriter, merge_diff};
pub use stop::{Stop, StopHandle};
