//! Typed views, for reading, of the objects people already have (Argo CD's first).
