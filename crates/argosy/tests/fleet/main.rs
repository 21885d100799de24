//! The main job, end to end, on the embedded API: repositories in, clusters that follow.

mod bad_input;
mod harness;
mod life;
mod sets;
