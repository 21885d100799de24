//! The one classification that decides requeue, condition and exit code.

/// What kind of failure an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// May pass by itself: a timeout, a 5xx, a lost connection. Retried with backoff.
    Transient,
    /// Waits for something that is on its way: a CRD, a namespace, a dependency.
    Waiting,
    /// Only a change of the input can help: broken YAML, a template error.
    Stalled,
    /// Refused by a rule or a credential.
    Denied,
    /// A fault of Argosy's own.
    Bug,
}

/// An error that knows its class.
pub trait Classified {
    /// The class that decides what happens next.
    fn class(&self) -> Class;
    /// What a person can do about it, where there is something.
    fn hint(&self) -> Option<String> {
        None
    }
}
