//! The functions that charts and ApplicationSets call: sprig v3, to the letter.
//!
//! One table of some 215 functions over gotmpl's values. What they may not know by themselves —
//! the time, randomness — they ask the caller's environment for; the three that look outside of
//! the process (`env`, `expandenv`, `getHostByName`) find nothing there, and callers that must
//! not offer them drop them with [`FuncTable::without`].
#![warn(missing_docs)]

mod args;
mod bcrypt;
mod case;
mod cast;
mod certs;
mod dates;
mod decimal;
mod defaults;
mod derive;
mod dicts;
pub mod duration;
mod encoding;
mod equal;
pub mod json;
pub mod layout;
mod lists;
mod numeric;
mod outside;
mod paths;
mod patterns;
mod random;
pub mod regexp;
mod secrets;
mod strings;
mod text;
mod unicode;
mod urls;

pub use urls::is_request_url;

use argosy_gotmpl::FuncTable;
use std::sync::LazyLock;

pub(crate) use layout::quote as layout_quote;

/// All of sprig's functions.
///
/// Compat: Masterminds/sprig v3.3.0 `TxtFuncMap`. Where Go's order of map keys is random
/// (`keys`, `values`), ours is sorted.
pub fn functions() -> &'static FuncTable {
    static TABLE: LazyLock<FuncTable> = LazyLock::new(|| {
        let parts = [
            strings::add,
            numeric::add,
            defaults::add,
            lists::add,
            dicts::add,
            patterns::add,
            dates::add,
            paths::add,
            json::add,
            encoding::add,
            random::add,
            urls::add,
            outside::add,
            secrets::add,
            certs::add,
        ];
        parts
            .into_iter()
            .fold(FuncTable::new(), |table, add| add(table))
    });
    &TABLE
}
