//! The one tokio runtime of a run, and the thread it has for itself.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::runtime::{Builder, Runtime};

use super::world::EngineError;

thread_local! {
    static CLAIMED: Cell<bool> = const { Cell::new(false) };
}

/// The right to run on this thread: the socket layer and the current host are thread-wide.
pub(super) struct Claim(());

impl Claim {
    pub(super) fn take() -> Result<Self, EngineError> {
        if CLAIMED.replace(true) {
            return Err(EngineError::Nested);
        }
        Ok(Self(()))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        CLAIMED.set(false);
    }
}

/// True when this build can be deterministic.
const UNSTABLE: bool = cfg!(tokio_unstable);

/// Refuses a build whose runs could not be reproduced, or would swallow panics.
fn require(unstable: bool) -> Result<(), EngineError> {
    if unstable {
        Ok(())
    } else {
        Err(EngineError::NotUnstable)
    }
}

/// [`require`] for this very build.
pub(super) fn require_unstable() -> Result<(), EngineError> {
    require(UNSTABLE)
}

/// A runtime on this thread with a paused clock and seeded randomness. It fails whoever spawns past
/// the hosts, and raises `blocking_thread` when a thread of its blocking pool starts.
pub(super) fn new_runtime(
    seed: u64,
    blocking_thread: &Arc<AtomicBool>,
) -> Result<Runtime, EngineError> {
    require_unstable()?;
    let flag = blocking_thread.clone();
    let mut builder = Builder::new_current_thread();
    builder
        .enable_time()
        .start_paused(true)
        .max_blocking_threads(1)
        .on_thread_start(move || flag.store(true, Ordering::Relaxed));
    seed_runtime(&mut builder, seed);
    builder
        .build()
        .map_err(|error| EngineError::Runtime(error.to_string()))
}

#[cfg(tokio_unstable)]
fn seed_runtime(builder: &mut Builder, seed: u64) {
    builder
        .rng_seed(tokio::runtime::RngSeed::from_bytes(&seed.to_le_bytes()))
        // Fires for tasks of the runtime, and not for those of a host's `LocalSet`.
        .on_task_spawn(|task| {
            let place = task.spawned_at();
            panic!(
                "a bare spawn at {}:{} would run on no host; use pod.spawn",
                place.file(),
                place.line()
            );
        });
}

#[cfg(not(tokio_unstable))]
fn seed_runtime(_builder: &mut Builder, _seed: u64) {}

#[cfg(test)]
mod tests {
    use super::{Claim, EngineError, require};

    #[test]
    fn a_build_without_the_cfg_is_refused_with_its_reason() {
        let refused = require(false).expect_err("no cfg");
        assert!(refused.to_string().contains("RUSTFLAGS"), "{refused}");
    }

    #[test]
    fn one_engine_at_a_time_on_a_thread() {
        let first = Claim::take().expect("free");
        assert_eq!(Claim::take().err(), Some(EngineError::Nested));
        drop(first);
        assert!(Claim::take().is_ok());
    }
}
