//! The ApplicationSet controller.
