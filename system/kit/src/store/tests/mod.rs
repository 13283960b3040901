//! Tests of the store: adapters by the contract, the typed layer by its own.

mod adapters;
mod durability;
mod model;
mod repetition;
mod units;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{Database, Settings, Store, contract::Subject};
use crate::{
    clock::{Clock, WallClock},
    rng::Rng,
};

/// A clock that is set by hand.
#[derive(Clone, Default)]
struct HandClock(Arc<AtomicU64>);

impl WallClock for HandClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl HandClock {
    fn clock(&self) -> Clock {
        Clock::new(self.clone())
    }

    fn subject(&self, database: Arc<dyn Database>) -> Subject {
        let clock = self.clone();
        let pass_ms = Box::new(move |ms| {
            clock.0.fetch_add(ms, Ordering::Relaxed);
            Box::pin(async {}) as crate::BoxFuture<'static, ()>
        });
        Subject { database, pass_ms }
    }
}

fn store(database: impl Database) -> Store {
    let clock = HandClock::default();
    clock.0.store(1_000, Ordering::Relaxed);
    let settings = Settings {
        source: "order".to_owned(),
        clock: clock.clock(),
        rng: Rng::stream(1, "store"),
        patience: Duration::from_secs(5),
        signals: crate::signal::Signals::silent(),
    };
    Store::new(database, settings)
}
