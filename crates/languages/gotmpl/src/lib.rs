//! Go's text/template with sprig, compiled once and run under limits.
