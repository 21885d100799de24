//! Health of live objects, by rules for each kind.
