//! What a document may cost before it is refused.

/// Bounds on one input. All of them are checked while reading, before the memory is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole input.
    pub max_bytes: usize,
    /// Nesting of lists and mappings, aliases followed.
    pub max_depth: usize,
    /// Nodes written in the input, over all its documents.
    pub max_nodes: usize,
    /// Nodes of one document after its aliases and merges are expanded.
    pub max_expanded: usize,
    /// Documents in the stream.
    pub max_documents: usize,
}

impl Default for Limits {
    /// 10 MiB, 256 levels, two million nodes, four million expanded ones, 20,000 documents.
    fn default() -> Self {
        Self {
            max_bytes: 10 << 20,
            max_depth: 256,
            max_nodes: 2_000_000,
            max_expanded: 4_000_000,
            max_documents: 20_000,
        }
    }
}
