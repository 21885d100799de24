//! Plays controllers and kubelet for clusters that have none.
