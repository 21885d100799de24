//! What is known of kinds: types, merges, defaults, validation, field ownership.
