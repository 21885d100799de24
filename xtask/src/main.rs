//! The work behind the Makefile.

fn main() {}
