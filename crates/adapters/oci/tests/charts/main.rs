//! Chart repositories and registries: good ones, real ones and hostile ones.

mod faults;
mod material;
mod real;
mod registries;
mod repositories;
mod sources;
