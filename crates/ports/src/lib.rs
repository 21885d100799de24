//! The async traits through which drivers see the world.
