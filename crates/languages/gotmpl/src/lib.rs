//! Go's text/template, compiled once and run under limits.
//!
//! The crate knows nothing of Helm or of ApplicationSets: its function set, its clock and its
//! randomness are given by the caller. Text, errors and number formats are Go's to the letter.
#![warn(missing_docs)]

mod container;
mod func;
mod value;

pub use container::{Elem, List, MapRef};
pub use func::{
    CallCx, Env, FixedEnv, Func, FuncEntry, FuncError, FuncTable, Nested, Signature, Ty,
};
pub use value::{GoStr, GoTime, Host, Map, Value};
