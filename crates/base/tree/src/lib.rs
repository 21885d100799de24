//! The immutable file tree that rendering reads: rooted, bounded, every look recorded.
