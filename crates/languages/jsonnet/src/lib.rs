//! Jsonnet, evaluated under limits.
//!
//! The language and its standard library are go-jsonnet's, since that is what Argo CD runs on the
//! `.jsonnet` files of a directory. The interpreter is our own, because what it is given is
//! hostile: every loop counts steps, every allocation is counted, and no recursion follows the
//! depth of the data, so an evaluation ends within its [`Limits`] whatever it was asked to do.
//!
//! Nothing here reads a file: imports are answered by an [`Importer`].
#![warn(missing_docs)]

mod ast;
mod error;
mod eval;
mod heap;
mod lex;
mod manifest;
mod number;
mod parse;
mod scope;
mod stdlib;
mod value;

pub use error::{JsonnetError, Place};

use std::collections::BTreeMap;
use std::sync::mpsc;

/// Bounds of one evaluation.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Steps: expressions evaluated and elements touched.
    pub steps: u64,
    /// Bytes that values take, those no longer needed included.
    pub memory_bytes: u64,
    /// Calls within calls. Compat: 500 in go-jsonnet.
    pub calls: u32,
}

impl Default for Limits {
    /// 50 million steps (some seconds), 512 MiB, 500 calls.
    fn default() -> Self {
        Self {
            steps: 50_000_000,
            memory_bytes: 512 << 20,
            calls: 500,
        }
    }
}

/// A value given from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A string.
    Text(String),
    /// Jsonnet, evaluated when it is needed.
    Code(String),
}

/// What an evaluation is given.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What `std.extVar` answers.
    pub ext_vars: BTreeMap<String, Input>,
    /// Arguments of the function that the file may be.
    pub top_level: BTreeMap<String, Input>,
    /// Bounds.
    pub limits: Limits,
}

/// A file that was imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The one name of this file, whichever way it was asked for.
    pub path: String,
    /// Its content.
    pub content: Vec<u8>,
}

/// Answers imports.
pub trait Importer {
    /// The file that `path` means in `from`, which is the name of the importing file.
    ///
    /// # Errors
    /// Why there is no such file, in words.
    fn import(&mut self, from: &str, path: &str) -> Result<Imported, String>;
}

/// Evaluates a file and gives the JSON it stands for.
///
/// `file` is its name, as [`Importer`] would give it, and stands in errors. The work is done on a
/// thread of its own, since it needs more stack than callers have; `importer` is asked on the
/// caller's.
///
/// # Errors
/// [`JsonnetError`], with file, line and column.
pub fn evaluate(
    file: &str,
    source: &str,
    options: &Options,
    importer: &mut dyn Importer,
) -> Result<serde_json::Value, JsonnetError> {
    /// Enough for [`eval::MAX_NESTING`] nested evaluations; what is not used costs nothing.
    const STACK: usize = 256 << 20;
    let (ask, asked) = mpsc::channel();
    let (answer, answers) = mpsc::channel();
    std::thread::scope(|scope| {
        let worker = std::thread::Builder::new()
            .name("jsonnet".into())
            .stack_size(STACK);
        let task = move || {
            let remote = Box::new(move |from: &str, path: &str| {
                let gone = || "the caller is gone".to_owned();
                ask.send((from.to_owned(), path.to_owned()))
                    .map_err(|_| gone())?;
                answers.recv().map_err(|_| gone())?
            });
            eval::Interpreter::new(options, remote).run(file, source)
        };
        let Ok(handle) = worker.spawn_scoped(scope, task) else {
            return Err(JsonnetError::new("there is no thread to evaluate on"));
        };
        // Ends when the worker does, which then drops its end.
        for (from, path) in asked {
            if answer.send(importer.import(&from, &path)).is_err() {
                break;
            }
        }
        handle
            .join()
            .unwrap_or_else(|_| Err(JsonnetError::new("the evaluation failed inside")))
    })
}

#[cfg(test)]
mod tests;
