//! The pod that this crate's own tests run services in.

use std::time::Duration;

use crate::{
    Pod,
    bus::{Bus, log},
    clock::{Clock, WallClock},
    config::Config,
    net::Net,
    rng::Rng,
    signal::Signals,
    spawn::Spawn,
    stop::Stop,
    store::{self, Store, sqlite::Sqlite},
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
        signals: Signals::silent(),
    };
    let database = Sqlite::memory(clock.clone()).expect("memory for an empty database");
    Pod {
        name: "test-1".into(),
        config: Config::default(),
        net,
        store: Store::new(database, settings),
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
