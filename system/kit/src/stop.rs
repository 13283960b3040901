//! The stop signal: SIGTERM in the cluster, Ctrl-C at a terminal.

use tokio_util::sync::CancellationToken;

/// Raised once, seen by every clone. After it a context stops accepting, finishes what it has,
/// ends.
#[derive(Clone, Debug, Default)]
pub struct Stop(CancellationToken);

impl Stop {
    /// A signal not yet raised.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks everyone who holds this signal to end.
    pub fn raise(&self) {
        self.0.cancel();
    }

    /// True once raised.
    pub fn is_raised(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until raised; returns at once if it already is. Cancel-safe.
    pub async fn raised(&self) {
        self.0.cancelled().await;
    }
}
