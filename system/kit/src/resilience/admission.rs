//! Which pass of which breaker the running code has: so that a history shows, of every request
//! handed to the network, the breaker that let it through.

tokio::task_local! {
    static CURRENT: Admission;
}

/// One call that a breaker let pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The breaker's name.
    pub breaker: String,
    /// The call's number at this breaker, from 1.
    pub call: u64,
}

impl Admission {
    /// Runs `call` under this pass. What it spawns is not under it.
    pub(super) async fn of<F: Future>(self, call: F) -> F::Output {
        CURRENT.scope(self, call).await
    }

    /// The pass that the running code has, if it has one.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }
}
