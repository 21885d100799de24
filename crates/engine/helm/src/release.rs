//! Releases: what Helm keeps of an installation, and what it decides about one.
//!
//! Records ([`Release`]) are read and written as helm 4.1.4 stores them. [`ReleaseMachine`]
//! decides when each step of an install, upgrade, rollback, uninstall or test runs; a driver
//! carries its commands out. All of it is without IO.

mod build;
mod chart;
mod codec;
mod history;
mod hooks;
mod legacy;
mod machine;
mod names;
mod ownership;
mod patch;
mod prepare;
mod record;
mod stamp;
mod store;
mod template;
mod uninstall;
mod waiter;

pub use build::{BuildError, build};
pub use chart::{chart_value, chart_values};
pub use codec::{DecodeError, MAX_RECORD_BYTES, decode_release, encode_release};
pub use history::{Entry, History, HistoryError};
pub use legacy::{LegacyCheck, Related, ready as legacy_ready};
pub use machine::{
    Applied, ApplyFault, Cascade, Command, Event, FollowFault, Followed, Job,
    Machine as ReleaseMachine, Outcome, Plan, Target,
};
pub use names::{NameFilter, generated_name, name_fault};
pub use ownership::{Adoption, adoption, has_own_name, resource_text, stamp_ownership};
pub use patch::{client_side_patch, is_removable, removed};
pub use prepare::{
    ApplyChoice, NewRelease, Reuse, is_pending, merge_labels, new_release, reused_values,
    rolled_back,
};
pub use record::{HookPhase, HookRecord, Info, Release, Status};
pub use stamp::Stamp;
pub use store::{
    SYSTEM_LABELS, StoreKind, has_system_labels, record_key, record_object, system_labels_text,
};
pub use template::show_by_template;
pub use uninstall::{Removal, removal};
pub use waiter::{Verdict, WaitFor, WaitStrategy, Waiter};
