//! A Kubernetes-compatible API in the process.

pub mod auth;
mod cells;
pub mod hooks;

mod error;
mod hook;
mod request;
mod storage;

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
