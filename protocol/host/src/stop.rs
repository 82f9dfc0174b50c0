//! How a person or the system ends a program: once, and everything that waits hears it.

use std::{io, sync::Arc};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Set once, never unset. Clones hear the same.
#[derive(Clone, Debug)]
pub struct Stop {
    set: Arc<watch::Sender<bool>>,
    seen: watch::Receiver<bool>,
}

impl Default for Stop {
    fn default() -> Self {
        let (set, seen) = watch::channel(false);
        Self { set: Arc::new(set), seen }
    }
}

impl Stop {
    /// Set by the first Ctrl-C or SIGTERM. To be called within tokio.
    ///
    /// # Errors
    /// If the system does not let the program hear signals.
    pub fn on_signals() -> io::Result<Self> {
        let stop = Self::default();
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let set = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            set.set();
        });
        Ok(stop)
    }

    /// Ends everything that waits.
    pub fn set(&self) {
        self.set.send_replace(true);
    }

    /// Whether it was set.
    pub fn is_set(&self) -> bool {
        *self.seen.borrow()
    }

    /// Returns once it is set.
    ///
    /// # Panics
    /// Never: this clone itself can set it.
    pub async fn wait(&mut self) {
        let waited = self.seen.wait_for(|set| *set).await;
        waited.expect("a clone that could set it is held");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everybody_hears_it_also_who_comes_late() {
        let stop = Stop::default();
        let mut early = stop.clone();
        let waiting = tokio::spawn(async move { early.wait().await });
        assert!(!stop.is_set());
        stop.set();
        waiting.await.unwrap();
        let mut late = stop.clone();
        late.wait().await;
        assert!(stop.is_set());
    }
}
