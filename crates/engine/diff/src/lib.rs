//! Compares what is desired with what is live.
