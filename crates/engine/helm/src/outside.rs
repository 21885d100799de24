//! What a rendering may ask of the machine that it is on.

use std::fmt;
use std::sync::Arc;

/// Tells a host's address, where it has one.
pub type Resolve = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Changes a stream of rendered objects, hooks among them; the error is a sentence.
pub type PostRenderer = Arc<dyn Fn(&str) -> Result<String, String> + Send + Sync>;

/// What is there beside the chart. Nothing by default, and nothing ever for somebody who renders
/// other people's charts: neither a name server nor a program keeps the limits of a rendering.
#[derive(Clone, Default)]
pub struct Outside {
    /// What `getHostByName` asks; without it, every address is empty.
    pub resolve: Option<Resolve>,
    /// What changes the rendered objects before they are sorted.
    pub post_renderer: Option<PostRenderer>,
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outside")
            .field("resolve", &self.resolve.is_some())
            .field("post_renderer", &self.post_renderer.is_some())
            .finish()
    }
}
