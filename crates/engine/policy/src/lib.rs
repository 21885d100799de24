//! What a project allows: sources, destinations, kinds and windows.
