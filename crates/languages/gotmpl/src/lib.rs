//! Go's text/template, compiled once and run under limits.
//!
//! The crate knows nothing of Helm or of ApplicationSets: its function set, its clock and its
//! randomness are given by the caller. Text, errors and number formats are Go's to the letter.
#![warn(missing_docs)]

mod ast;
mod builtin;
mod container;
mod exec;
mod float;
mod func;
pub mod gofmt;
pub mod gotime;
mod lex;
mod parse;
mod quote;
mod set;
mod slot;
mod value;

pub use container::{Elem, List, MapRef};
pub use float::format_float;
pub use func::{
    CallCx, Causes, Env, FixedEnv, Func, FuncEntry, FuncError, FuncErrorKind, FuncTable, Nested,
    Signature, Ty,
};
pub use parse::{Delims, ParseError};
pub use set::{ExecError, Limits, MissingKey, Set, SetBuilder};
pub use value::{GoStr, GoTime, Host, Map, Value};
