//! Plays controllers and kubelet for clusters that have none, in the way of kwok.
//!
//! A client of an API in two halves: **controllers** (embedded clusters only) turn workloads into
//! pods and keep their status; the **kubelet** half gives nodes, runs and ends pods, binds claims
//! and gives load balancers an address, and works against real API servers too. One task a
//! cluster, driven by watches: an idle cluster costs nothing.

mod cache;
mod client;
mod conditions;
mod controllers;
mod cron;
mod hash;
mod kinds;
mod kubelet;
mod labels;
mod lean;
mod options;
mod planner;
mod tree;
mod work;
mod world;

#[cfg(test)]
mod harness;
#[cfg(test)]
mod play_tests;

pub use client::{Client, ClientError};
pub use options::{Failure, FailureRule, Options};
pub use world::run;
