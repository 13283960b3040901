//! Bugs planted on purpose: the proof that whoever searches for failures can find them.
//!
//! Each is one switch beside the line that it breaks, written as an engineer in a hurry would write
//! it. Without the cargo feature `planted`, which only tests of other crates enable, [`is`] is
//! false for the compiler and nothing of this is in the program. Some are the shop's own; they are
//! named here all the same, because one switch serves a whole process.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

macro_rules! bugs {
    ($($(#[doc = $doc:literal])+ $bug:ident = $name:literal,)+) => {
        /// A planted bug. Each says what it breaks, when that shows, and what sees it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Bug {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $bug,)+
        }

        impl Bug {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$bug),+];

            /// What it is called on command lines and in files.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$bug => $name,)+ }
            }
        }
    };
}

bugs! {
    /// Events go straight to the broker after the commit, once. Shows when the pod dies in between
    /// or the broker is away: an accepted order without delivery and page (pairings).
    NoOutbox = "no-outbox",
    /// The relay's lease is in the name of the context, so that all of its pods have it. Shows with
    /// two pods of one context: both publish everything (one relay at a time).
    OutboxWithoutLease = "outbox-without-lease",
    /// Events go to the broker before the commit. Shows when the commit then fails, or the pod or
    /// its database dies in between: a delivery and a page of an order that never was (pairings).
    PublishBeforeCommit = "publish-before-commit",
    /// Consumers do not record what they have consumed. Shows when an acknowledgement is lost, a
    /// consumer dies before it, the group rebalances, or the broker delivers twice: two effects
    /// (exactly once), two messages (notices one to one).
    NoInbox = "no-inbox",
    /// Consumers record an event as consumed first, and commit its effect after that. Shows when
    /// the pod dies, or its database is out of reach for long, in between: no message, no delivery,
    /// a stale page (notices one to one, pairings, fold equality).
    InboxInSeparateCommit = "inbox-in-separate-commit",
    /// Consumers acknowledge a batch, then handle it. Shows when the pod dies or is stopped while
    /// it handles one, best with its database slow or away: no effect (exactly once).
    AckBeforeEffect = "ack-before-effect",
    /// Order asks payment with a fresh key for each try. Shows when an answer of payment is lost
    /// after its commit: paid twice, or paid for a refused order (orders paired with payments).
    NoIdempotencyKey = "no-idempotency-key",
    /// A key gives the first answer whatever is asked with it. Shows when somebody uses a key for
    /// another request, as a customer who pays again for less, or an order whose database was lost:
    /// 201 in place of 422 (no such payment is accepted).
    KeyNotBoundToBody = "key-not-bound-to-body",
    /// A refused order's payment is not abandoned. Shows when the answer of payment is lost or
    /// late, or the front dies between payment and commit: a payment stands for a refused order
    /// (orders paired with payments).
    NoPaymentAbandoned = "no-payment-abandoned",
    /// Payment does not record that a key it does not know was abandoned. Shows when the request
    /// arrives after its abandonment: held by a partition of order and pay that the broker's side
    /// does not share, or waiting in a slow pay (orders paired with payments).
    AbandonedKeysForgotten = "abandoned-keys-forgotten",
    /// A pending order can be read. Shows to whoever reads an order while it is being paid: best
    /// with payment slow or hanging (only accepted orders are seen).
    PendingVisible = "pending-visible",
    /// Nobody settles what a front has left pending. Shows when the front or its database dies
    /// between pending and commit: a payment stands for an order that does not, or an order stays
    /// pending (orders paired with payments, orders are settled).
    NoRecoveryWorker = "no-recovery-worker",
    /// Commands run in the HTTP handler and end when the caller hangs up. Shows when the gateway
    /// dies or gives up while an order is being paid: the order is left to the recovery although
    /// its front lives (commands end).
    HandlerBoundCommand = "handler-bound-command",
    /// Commits expect no versions. Shows when two decisions meet: orders of one item at once, a
    /// cancellation and its delivery, an acceptance and the recovery (stock adds up, pages equal
    /// their events, orders paired with payments).
    NoExpectedVersion = "no-expected-version",
    /// An open breaker never asks again. Shows once payment was away for long enough and is back
    /// (the breaker keeps its rules).
    BreakerNeverHalfOpens = "breaker-never-half-opens",
    /// What payment refuses counts as its failure. Shows when enough payments are refused, as those
    /// over its limit, for the breaker to open on a healthy payment (refusals are no failures).
    BreakerCountsRefusals = "breaker-counts-refusals",
    /// Nothing limits retries but their number. Shows when many calls in a row have an unknown end
    /// before the breaker opens: pods that answer 503, connections that break (retries within
    /// their budget).
    RetryWithoutBudget = "retry-without-budget",
    /// A projector takes an event that it cannot handle because its database is away for one that
    /// it has handled. Shows when that database is away for longer than its patience while events
    /// come: a missing or stale page (pairing of pages, fold equality).
    ProjectorSkipsOnError = "projector-skips-on-error",
    /// The broker spreads events over the partitions in turn. Shows as soon as an order has two
    /// events (a key in one partition); with the consumers' effects out of order (exactly once,
    /// fold equality).
    PartitionKeyDropped = "partition-key-dropped",
    /// Product agrees to cancel what has arrived. Shows when a cancellation is asked for after the
    /// completion and before order has heard of it: delivered and refunded (never both).
    CancelWinsAfterCompletion = "cancel-wins-after-completion",
    /// A server that is stopped ends at once, and its process with what is under way. Shows when a
    /// pod is deleted, scaled away or rolled out while an order is being paid (commands end).
    DrainDropsInFlight = "drain-drops-in-flight",
    /// A page begins with the payment of its order. Shows when a payment is approved whose order is
    /// refused: a page of an order that never was (orders paired with pages).
    ReadModelFedByPayment = "read-model-fed-by-payment",
}

/// This program was built without the feature `planted`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} cannot be planted: this build has no planted bugs")]
pub struct NotPlantable(pub Bug);

/// No bug has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no planted bug")]
pub struct UnknownBug(pub String);

#[cfg(feature = "planted")]
mod switch {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::{Bug, NotPlantable};

    /// 0 for none, else the bug's place in its enum, from 1.
    static PLANTED: AtomicUsize = AtomicUsize::new(0);

    /// Plants one bug in this process, in place of any other; `None` takes it out.
    ///
    /// # Errors
    /// None in this build.
    pub fn plant(bug: Option<Bug>) -> Result<(), NotPlantable> {
        PLANTED.store(bug.map_or(0, |bug| bug as usize + 1), Ordering::SeqCst);
        Ok(())
    }

    /// Whether this bug is planted.
    #[inline]
    pub fn is(bug: Bug) -> bool {
        PLANTED.load(Ordering::Relaxed) == bug as usize + 1
    }
}

#[cfg(not(feature = "planted"))]
mod switch {
    use super::{Bug, NotPlantable};

    /// Plants nothing.
    ///
    /// # Errors
    /// [`NotPlantable`] for any bug: this build has none.
    pub fn plant(bug: Option<Bug>) -> Result<(), NotPlantable> {
        bug.map_or(Ok(()), |bug| Err(NotPlantable(bug)))
    }

    /// False: this build has no planted bug.
    #[inline]
    pub const fn is(_bug: Bug) -> bool {
        false
    }
}

pub use switch::{is, plant};

/// Whether this build has bugs to plant.
pub const AVAILABLE: bool = cfg!(feature = "planted");

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Bug {
    type Err = UnknownBug;

    fn from_str(name: &str) -> Result<Self, UnknownBug> {
        let mut all = Self::ALL.iter().copied();
        all.find(|bug| bug.name() == name)
            .ok_or_else(|| UnknownBug(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bug_is_found_by_its_name() {
        for bug in Bug::ALL {
            assert_eq!(bug.to_string().parse(), Ok(*bug));
            let json = serde_json::to_value(bug).expect("a name");
            assert_eq!(json, bug.name());
        }
        assert_eq!(
            "no-bug".parse::<Bug>(),
            Err(UnknownBug("no-bug".to_owned()))
        );
    }

    #[cfg(not(feature = "planted"))]
    #[test]
    fn nothing_is_planted_in_an_ordinary_build() {
        assert_eq!(plant(None), Ok(()));
        for bug in Bug::ALL {
            assert_eq!(plant(Some(*bug)), Err(NotPlantable(*bug)));
            assert!(!is(*bug));
        }
    }
}
