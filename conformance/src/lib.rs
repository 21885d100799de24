//! Compatibility tests against the real tools.
//!
//! The suite of `checks/` runs real kubectl and helm on the embedded Kubernetes API and on a real
//! kube-apiserver, and compares what both say. `ledger.txt` names the differences that are known,
//! each with its reason.

pub mod exchange;
pub mod ledger;
pub mod normal;
pub mod report;
pub mod run;
pub mod script;
pub mod servers;
