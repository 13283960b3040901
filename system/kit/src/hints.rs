//! The places of the kit's own code that name themselves: see [`Signal::Hint`].
//!
//! A hint is told for one of two reasons, and serves both: a fault may strike exactly there (the
//! code is between two effects), and a search of fault plans counts it as reached (the case is
//! rare, and a test that never meets it has not tested it). Places that every poll passes have
//! none.
//!
//! [`Signal::Hint`]: crate::signal::Signal::Hint

/// Declares each place once, and a list of them all.
///
/// ```
/// squall_kit::hints! {
///     /// The parcel is packed and not yet sent.
///     PACKED = "parcel: packed, not sent";
/// }
/// assert_eq!(ALL, [PACKED]);
/// ```
#[macro_export]
macro_rules! hints {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal;)+) => {
        $($(#[doc = $doc])+ pub const $name: &str = $text;)+

        /// Every place, in the order in which they are declared.
        pub const ALL: &[&str] = &[$($name),+];
    };
}

hints! {
    /// A breaker opened.
    BREAKER_OPENED = "breaker: opened";
    /// A breaker lets a probe pass.
    BREAKER_HALF_OPENED = "breaker: half-opened";
    /// A breaker's probe succeeded.
    BREAKER_CLOSED = "breaker: closed again";
    /// A breaker let a call not pass.
    CALL_SHORT_CIRCUITED = "breaker: call short-circuited";
    /// A call found no slot in its bulkhead.
    BULKHEAD_FULL = "breaker: bulkhead full";
    /// A call was given up, and may go on without its caller.
    CALL_TIMED_OUT = "breaker: call timed out";

    /// Something is tried again.
    RETRY_MADE = "retry: made";
    /// Something would be tried again, but for the budget.
    RETRY_BUDGET_EMPTY = "retry: budget empty";

    /// A commit whose reply was lost was asked for again, and answered with the first answer.
    COMMIT_REPLAYED = "store: commit replayed";
    /// A commit failed because what it rests on had moved on.
    VERSION_CONFLICT = "store: version conflict";
    /// A commit may or may not have been executed, and patience has ended.
    COMMIT_UNKNOWN = "store: commit unknown";

    /// The relay has committed events that the broker does not have yet.
    BATCH_READ = "relay: batch read, not published";
    /// The broker has events that the outbox still calls unpublished.
    BATCH_PUBLISHED = "relay: batch published, not marked";
    /// A relay works that did not before: it is the first, or follows another.
    LEASE_TAKEN = "relay: lease taken";
    /// A relay finds that another has its lease.
    LEASE_LOST = "relay: lease lost";

    /// The inbox knew a delivered event already.
    REDELIVERY_DROPPED = "consumer: redelivery dropped";
    /// The domain refused an event.
    EVENT_REJECTED = "consumer: event rejected";
    /// Events took effect that are not acknowledged yet.
    BATCH_HANDLED = "consumer: batch handled, not acknowledged";
    /// The partitions of a member changed while it had some.
    REBALANCED = "consumer: rebalanced";
    /// The group moved on while a batch was handled.
    FENCED = "consumer: fenced";
    /// A poll brought a whole batch's half or more: a backlog is being worked off.
    BEHIND = "consumer: behind";

    /// A command ended that nobody waited for any more.
    CALLER_GONE = "command: ended without its caller";
    /// A request that was under way at the stop signal got its answer.
    DRAINED = "server: request finished while stopping";
    /// Requests that took too long were cut off by the end of the grace period.
    GRACE_ENDED = "server: grace period ended";
}
