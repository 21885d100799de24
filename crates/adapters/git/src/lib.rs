//! Git repositories as sources: mirrors, polls and trees read from the object database.
