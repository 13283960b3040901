//! From the outbox to the broker, in order, none skipped.

use tokio::time::{Duration, Instant, sleep};

use super::back_off::BackOff;
use crate::{
    Pod,
    bus::{BusError, Position},
    config::{Config, ConfigError},
    hints,
    planted::{self, Bug},
    signal::Signal,
    store::{Lease, OutboxRow, StoreError},
};

/// Publishes a database's outbox. Every pod of a context runs one; the one with the lease works,
/// the others wait for it to fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relay {
    /// The topic of all events.
    pub topic: String,
    /// Most rows of one batch, at least 1; one batch is in flight at a time. Halved while the
    /// database or the broker cannot take so many.
    pub batch: u64,
    /// How long the lease lasts without renewal. It is renewed at a third of it; another relay
    /// tries to get it every half of it, and so takes over after at most one and a half.
    pub lease: Duration,
}

/// Why a relay interrupted its work.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("outbox: {0}")]
    Store(#[from] StoreError),
    #[error("broker: {0}")]
    Bus(#[from] BusError),
}

impl Trouble {
    /// True when a smaller batch might pass.
    fn may_be_size(&self) -> bool {
        matches!(
            self,
            Self::Store(StoreError::Failed(_)) | Self::Bus(BusError::Failed(_))
        )
    }
}

impl Relay {
    /// Batches of 100, a lease of 6 s.
    pub fn new(topic: impl Into<String>) -> Self {
        Self {
            topic: topic.into(),
            batch: 100,
            lease: Duration::from_secs(6),
        }
    }

    /// The same with a lease of `RELAY_LEASE_MS` milliseconds, if that is set; at least 3. A longer
    /// one costs less while nothing happens, and more time when a pod is lost that held it.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`].
    pub fn with(mut self, config: &Config) -> Result<Self, ConfigError> {
        let ms = config.parsed("RELAY_LEASE_MS", "milliseconds", millis(self.lease))?;
        self.lease = Duration::from_millis(ms.max(3));
        Ok(self)
    }

    /// Relays until `pod.stop` is raised; then finishes the batch it is at and gives up the lease.
    pub async fn run(self, pod: Pod) {
        assert!(self.batch > 0, "a batch of nothing relays nothing");
        #[cfg(feature = "planted")]
        pod.store.straight().open(&pod, &self.topic);
        let mut desk = Desk {
            relay: &self,
            pod: &pod,
            confirmed: 0,
            epoch: None,
            limit: self.batch,
        };
        let mut back_off = BackOff::new(&pod, "relay");
        let mut leased = false;
        while !pod.stop.is_raised() {
            match desk.work_for_a_while().await {
                Ok(worked) => {
                    back_off.reset();
                    leased = worked;
                    if !worked {
                        wait_for_others(&pod, self.lease / 2).await;
                    }
                }
                Err(trouble) => {
                    if trouble.may_be_size() {
                        desk.limit = (desk.limit / 2).max(1);
                    }
                    back_off.pause(&trouble).await;
                }
            }
        }
        if leased {
            // A lease of no time ends at once. If this fails, it ends a little later by itself.
            let _ = pod.store.database().lease(pod.name.to_string(), 0).await;
        }
    }
}

async fn wait_for_others(pod: &Pod, wait: Duration) {
    tokio::select! {
        biased;
        () = pod.stop.raised() => {}
        () = sleep(wait) => {}
    }
}

/// A running relay.
struct Desk<'a> {
    relay: &'a Relay,
    pod: &'a Pod,
    /// The last row the broker is known to have, though it may not be marked yet.
    confirmed: u64,
    /// The last lease it had.
    epoch: Option<u64>,
    /// Rows of the next batch.
    limit: u64,
}

impl Desk<'_> {
    /// Takes or renews the lease and works under it until it is to be renewed. False: it is
    /// another's.
    async fn work_for_a_while(&mut self) -> Result<bool, Trouble> {
        let database = self.pod.store.database();
        let renewal = Instant::now() + self.relay.lease / 3;
        let owner = if planted::is(Bug::OutboxWithoutLease) {
            self.pod.store.settings().source.clone()
        } else {
            self.pod.name.to_string()
        };
        let Some(lease) = database.lease(owner, millis(self.relay.lease)).await? else {
            return Ok(false);
        };
        if self.epoch.replace(lease.epoch) != Some(lease.epoch) {
            self.pod.signals.hint(hints::LEASE_TAKEN);
        }
        while !self.pod.stop.is_raised() {
            let left = renewal.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let rows = tokio::select! {
                biased;
                () = self.pod.stop.raised() => break,
                rows = database.outbox(self.limit, millis(left)) => rows?,
            };
            match self.publish(lease, rows).await {
                Err(Trouble::Store(StoreError::LeaseLost)) => {
                    self.pod.signals.hint(hints::LEASE_LOST);
                    break;
                }
                published => published?,
            }
            self.limit = self.relay.batch;
        }
        Ok(true)
    }

    /// Hands the rows to the broker, and marks them once it has confirmed.
    async fn publish(&mut self, lease: Lease, rows: Vec<OutboxRow>) -> Result<(), Trouble> {
        let Some(last) = rows.last().map(|row| row.id) else {
            return Ok(());
        };
        // What was confirmed but could not be marked needs no second append.
        let events: Vec<_> = rows
            .into_iter()
            .filter(|row| row.id > self.confirmed)
            .map(|row| row.event)
            .collect();
        if !events.is_empty() {
            self.pod.signals.hint(hints::BATCH_READ);
            let broker = self.pod.bus.broker();
            let positions = broker
                .append(self.relay.topic.clone(), events.clone())
                .await?;
            self.confirmed = last;
            for (event, Position { partition, offset }) in events.into_iter().zip(positions) {
                self.pod.signals.tell(Signal::Published {
                    id: event.id,
                    kind: event.kind,
                    key: event.key,
                    partition,
                    offset,
                });
            }
            self.pod.signals.hint(hints::BATCH_PUBLISHED);
        }
        self.pod.store.database().published(lease, last).await?;
        Ok(())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
