//! One function from a tree and options to objects, whatever the tool.
