//! A Kubernetes-compatible API in the process.

pub mod auth;
mod cells;
pub mod hooks;

mod age;
mod bootstrap;
mod call;
mod catalog;
mod cluster;
mod convert;
mod crd;
mod decode;
mod documents;
mod error;
mod go_json;
mod hook;
mod meta;
mod negotiate;
mod random;
mod request;
mod rest;
mod selector;
mod serve;
mod server;
mod storage;
mod workers;

pub use age::{age, human_duration};
pub use selector::{FieldSelector, LabelSelector, field_text};
pub use serve::{CLUSTERS, Listener, Router};
pub use server::{ApiServer, FromSocket, Setup, Shared};

pub use error::{ApiError, Cause, Details, FieldError, FieldFault};
pub use hook::{
    Answer, ClusterFacts, Column, DeletePlan, Effect, HookCx, Hooks, KindHook, Mutate, Plain,
    Reader, SubresourceCall,
};
pub use request::{
    AllowAll, Authenticator, Authorizer, Decision, PeerCertificate, Query, RequestInfo, UserInfo,
    percent_decode,
};
pub use storage::{
    CommitError, CommitFuture, DiskError, DiskStore, Event, EventStream, Expect, Expired,
    HistoryLimits, MemoryStorage, Page, Range, Rev, Storage, Stored, Write,
};
