//! The pod that this crate's own tests run services in.

use std::time::Duration;

use crate::{
    BoxFuture, Pod,
    bus::{Bus, log},
    clock::{Clock, WallClock},
    config::Config,
    net::Net,
    rng::Rng,
    signal::Signals,
    spawn::Spawn,
    stop::Stop,
    store::{
        self, Commit, Database, Key, Lease, OutboxRow, Page, Query, Receipt, Record, Store,
        StoreError,
    },
    work::Work,
};

/// A pod on `net` whose clock stands at seven seconds after 1970.
pub(crate) fn pod(net: Net) -> Pod {
    let clock = Clock::new(Standing);
    let settings = store::Settings {
        source: "test".to_owned(),
        clock: clock.clone(),
        rng: Rng::stream(1, "store"),
        patience: Duration::from_secs(5),
    };
    Pod {
        name: "test-1".into(),
        config: Config::default(),
        net,
        store: Store::new(Nowhere, settings),
        bus: Bus::new(log::Log::memory(log::Settings::default())),
        clock,
        rng: Rng::stream(1, "pod"),
        spawn: Spawn::tokio(),
        work: Work::free(),
        stop: Stop::new(),
        signals: Signals::silent(),
    }
}

struct Standing;

impl WallClock for Standing {
    fn now_ms(&self) -> u64 {
        7_000
    }
}

/// A database that nobody reaches.
struct Nowhere;

fn unreached<'a, T: Send + 'a>() -> BoxFuture<'a, Result<T, StoreError>> {
    Box::pin(async { Err(StoreError::Unavailable("nowhere".to_owned())) })
}

impl Database for Nowhere {
    fn load(&self, _key: Key) -> BoxFuture<'_, Result<Option<Record>, StoreError>> {
        unreached()
    }

    fn query(&self, _query: Query) -> BoxFuture<'_, Result<Page, StoreError>> {
        unreached()
    }

    fn allocate(&self, _collection: String) -> BoxFuture<'_, Result<u64, StoreError>> {
        unreached()
    }

    fn commit<'a>(&'a self, _commit: &'a Commit) -> BoxFuture<'a, Result<Receipt, StoreError>> {
        unreached()
    }

    fn receipt(&self, _id: String) -> BoxFuture<'_, Result<Option<Receipt>, StoreError>> {
        unreached()
    }

    fn lease(&self, _owner: String, _ms: u64) -> BoxFuture<'_, Result<Option<Lease>, StoreError>> {
        unreached()
    }

    fn outbox(&self, _limit: u64, _ms: u64) -> BoxFuture<'_, Result<Vec<OutboxRow>, StoreError>> {
        unreached()
    }

    fn published(&self, _lease: Lease, _row: u64) -> BoxFuture<'_, Result<(), StoreError>> {
        unreached()
    }
}
