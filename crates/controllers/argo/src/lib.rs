//! Argo CD's controllers: Applications and ApplicationSets.
//!
//! [`application`] brings one Application's objects onto its cluster, stage by stage;
//! [`applicationset`] makes Applications. They never call each other: the set controller writes
//! Applications into the hub, and the application controller finds them there.

pub mod application;
pub mod applicationset;
mod bootstrap;
mod context;
mod destinations;
mod follow;
mod random;
mod resources;
mod settings;

pub use bootstrap::{BootstrapError, bootstrap};
pub use context::{Configure, Hub, HubPorts};
pub use destinations::{Destinations, ResolvedDestination};
pub use random::{RandomKeyError, make_random_key, random_key};
pub use resources::hub_resources;
pub use settings::ControlSettings;
