//! What is told while an operation runs, beside its answer.

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Something may surprise.
    Warn,
    /// Something failed.
    Error,
}

/// Who hears what happens on the way.
pub trait Notices: Send + Sync {
    /// A sentence with fields, in Helm's words.
    fn log(&self, level: Level, message: &str, fields: &[(&str, &str)]);

    /// Plain text.
    fn say(&self, text: &str);

    /// What a hook's container wrote.
    fn hook_output(&self, bytes: &[u8]);
}

/// Nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Notices for Silent {
    fn log(&self, _: Level, _: &str, _: &[(&str, &str)]) {}

    fn say(&self, _: &str) {}

    fn hook_output(&self, _: &[u8]) {}
}
