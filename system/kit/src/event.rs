//! The envelope every event travels in.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A fact that a context states, from its outbox through the broker to every consumer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Unique for ever: what an inbox remembers. `<commit id>#<n>`.
    pub id: String,
    /// What happened, in the past tense: `Ordered`.
    pub kind: String,
    /// The front aggregate's key: everything with one key lies in one partition, in order.
    pub key: String,
    /// The context that states it.
    pub source: String,
    /// That context's wall clock, in milliseconds since 1970.
    pub at_ms: u64,
    /// The fact itself.
    pub body: Value,
}
