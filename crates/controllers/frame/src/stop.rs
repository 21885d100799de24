//! The end of everything, told once.

use tokio::sync::watch;

/// Tells tasks to end.
#[derive(Debug)]
pub struct StopHandle(watch::Sender<bool>);

/// Waits for the end.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

impl StopHandle {
    /// A handle and what waits for it.
    pub fn new() -> (Self, Stop) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Stop(receiver))
    }

    /// Tells everybody to end.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Returns when it is time to end.
    pub async fn stopped(&mut self) {
        // An error means that the handle is gone, which is an end too.
        let _ = self.0.wait_for(|stopped| *stopped).await;
    }

    /// Whether it is time to end.
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow()
    }
}
