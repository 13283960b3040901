//! Events on their way to the broker past the outbox: what two planted bugs do.

use std::sync::{Arc, OnceLock};

use super::{Commit, StoreError};
use crate::{
    Pod,
    bus::{Bus, BusError, Position},
    event::Event,
    planted::{self, Bug},
    signal::{Signal, Signals},
};

/// A pod's way to the broker; opened by its relay.
#[derive(Clone, Default)]
pub(crate) struct Straight(Arc<OnceLock<Way>>);

struct Way {
    bus: Bus,
    topic: String,
    signals: Signals,
}

impl Straight {
    /// From here on events can be sent.
    pub(crate) fn open(&self, pod: &Pod, topic: &str) {
        // A second relay of the same pod would open the same way.
        let _ = self.0.set(Way {
            bus: pod.bus.clone(),
            topic: topic.to_owned(),
            signals: pod.signals.clone(),
        });
    }

    /// Before a commit: takes its events out, and may send them already. The others are to be sent
    /// after it.
    pub(super) async fn before(
        &self,
        mut commit: Commit,
    ) -> Result<(Commit, Vec<Event>), StoreError> {
        if planted::is(Bug::NoOutbox) {
            let events = std::mem::take(&mut commit.outbox);
            return Ok((commit, events));
        }
        if planted::is(Bug::PublishBeforeCommit) {
            let sent = self.send(std::mem::take(&mut commit.outbox)).await;
            sent.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        }
        Ok((commit, Vec::new()))
    }

    /// Sends events, once.
    pub(super) async fn send(&self, events: Vec<Event>) -> Result<(), BusError> {
        let Some(way) = self.0.get().filter(|_| !events.is_empty()) else {
            return Ok(());
        };
        let appending = way.bus.broker().append(way.topic.clone(), events.clone());
        for (event, Position { partition, offset }) in events.into_iter().zip(appending.await?) {
            way.signals.tell(Signal::Published {
                id: event.id,
                kind: event.kind,
                key: event.key,
                partition,
                offset,
            });
        }
        Ok(())
    }
}
