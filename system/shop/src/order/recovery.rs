//! Settles what stays `PENDING`: its front crashed, or lost its database, between payment and
//! commit.

use std::collections::BTreeMap;

use squall_kit::{Pod, signal::Signal};
use tokio::time::{Duration, Instant, sleep};

use super::{
    aggregate::Command,
    record::{OrderRecord, PENDING, YES},
    settlement::{Settled, settle},
};
use crate::hints;

/// Refuses every order that this worker has seen `PENDING` for longer than `patience`: longer than
/// the front can take. Nobody knows whether it was paid, so its payment is abandoned. It looks once
/// in each `period`.
///
/// The age of an order is counted from the moment this worker first saw it, by its own steady
/// clock: no wall clock is compared with another pod's, so a skewed one refuses nobody. Should the
/// front be slower still, the first commit wins.
pub(super) async fn run(pod: Pod, patience: Duration, period: Duration) {
    let mut seen: BTreeMap<u64, Instant> = BTreeMap::new();
    while !pod.stop.is_raised() {
        // Without an answer from the database there is nothing to settle; the next look is soon.
        if let Ok(pending) = pod.store.find::<OrderRecord>(&[(PENDING, YES)]).await {
            let now = Instant::now();
            let since = |id| (id, seen.get(&id).copied().unwrap_or(now));
            seen = pending.iter().map(|order| since(order.id)).collect();
            for (&id, _) in seen.iter().filter(|(_, since)| now - **since >= patience) {
                if pod.stop.is_raised() {
                    return;
                }
                refuse(&pod, id).await;
            }
        }
        tokio::select! {
            biased;
            () = pod.stop.raised() => {}
            () = sleep(period) => {}
        }
    }
}

async fn refuse(pod: &Pod, id: u64) {
    let refuse = Command::Refuse {
        payment_may_exist: true,
    };
    let note = match settle(&pod.store, id, &refuse).await {
        Ok(settled) => {
            pod.signals.hint(match settled {
                Settled::Refused => hints::ORDER_RECOVERED,
                Settled::Accepted => hints::ORDER_RECOVERY_LOST,
            });
            format!("order {id} was left pending; it is {settled:?} now")
        }
        Err(error) => format!("order {id} is left pending: {error}"),
    };
    pod.signals.tell(Signal::Note(note));
}
