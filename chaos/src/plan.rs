//! One experiment as data: who uses the system, how it is set, what strikes it, and the seed of
//! everything else. The same plan on the same build is the same run.

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};

use crate::fault::{Fault, Text};

/// What is drawn, saved, shrunk and replayed.
///
/// Faults begin before [`Plan::calm_from_ms`]; then everything is healed, and after
/// [`Plan::RECOVERY`] the last users come, whom the system must serve as if nothing had been.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Every stream of the run follows from it.
    pub seed: u64,
    /// The seed of the order in which ready tasks and deliveries of one instant take turns; `None`:
    /// first come, first served.
    pub interleaving: Option<u64>,
    /// Between any two hosts, from sender to receiver, in ms; `None`: as the system's model says.
    pub latency_ms: Option<(u64, u64)>,
    /// Pods of a deployment that has another number than the system's manifests say.
    pub replicas: Vec<Replicas>,
    /// Settings that differ from the system's own.
    pub settings: Vec<Setting>,
    /// Named changes of the system's manifests, such as a hook that is not there.
    pub variations: Vec<Text>,
    /// Who uses it while faults act.
    pub users: Vec<Users>,
    /// Journeys of the last users, one every [`Plan::AFTERMATH_EVERY`].
    pub aftermath: u32,
    /// What strikes it.
    pub faults: Vec<Fault>,
    /// When the last fault ends, in virtual milliseconds since the run's start.
    pub calm_from_ms: u64,
}

/// How many pods a deployment has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replicas {
    /// The deployment.
    pub deployment: Text,
    /// At least 1.
    pub count: u32,
}

/// A setting of a deployment's container, as an environment variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// The deployment.
    pub deployment: Text,
    /// The variable.
    pub name: Text,
    /// Its value.
    pub value: Text,
}

/// A group of users: so many journeys of one kind, arriving at random.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Users {
    /// The journey, by its name.
    pub journey: Text,
    /// When the first may come, in virtual milliseconds since the run's start.
    pub from_ms: u64,
    /// How many a second.
    pub rate_per_s: f64,
    /// How many in all, at least 1.
    pub journeys: u32,
    /// They hang up on a request after so many ms.
    pub patience_ms: u64,
}

// === impl Plan ===

impl Plan {
    /// Until then the system is prepared for its users, and nothing of a drawn plan strikes.
    pub const PREPARED: Duration = Duration::from_secs(1);
    /// From the moment when everything is healed until the last users come. It covers what the
    /// platform takes: a pod's start, its probes, a consumer's session, a breaker's sleep window.
    pub const RECOVERY: Duration = Duration::from_secs(90);
    /// Between two of the last users.
    pub const AFTERMATH_EVERY: Duration = Duration::from_secs(1);

    /// When faults end.
    pub fn calm_from(&self) -> Duration {
        Duration::from_millis(self.calm_from_ms)
    }

    /// When the last users come.
    pub fn aftermath_from(&self) -> Duration {
        self.calm_from() + Self::RECOVERY
    }

    /// Journeys in all.
    pub fn journeys(&self) -> u32 {
        let users = self.users.iter().map(|users| users.journeys);
        users.sum::<u32>() + self.aftermath
    }

    /// The kinds of its faults, each once.
    pub fn kinds(&self) -> BTreeSet<&'static str> {
        self.faults.iter().map(|fault| fault.kind.name()).collect()
    }

    /// How much there is to it, part by part in the order in which it is shrunk: a plan whose size
    /// is less by this order is simpler.
    pub fn size(&self) -> [u64; 6] {
        let journeys = self.users.iter().map(|users| u64::from(users.journeys));
        let settings = self.replicas.len() + self.settings.len() + self.variations.len();
        let hasty = self.users.iter().filter(|users| users.is_hasty()).count();
        let extras = hasty
            + usize::from(self.interleaving.is_some())
            + usize::from(self.latency_ms.is_some());
        let lengths = self.faults.iter().filter_map(|fault| fault.length_ms);
        [
            self.faults.len() as u64,
            self.users.len() as u64,
            journeys.sum::<u64>() + u64::from(self.aftermath),
            settings as u64,
            extras as u64,
            lengths.sum::<u64>() + self.calm_from_ms,
        ]
    }
}

impl Users {
    /// What siege waits for an answer, in ms.
    pub const PATIENCE_MS: u64 = 30_000;

    /// They hang up before others do.
    pub fn is_hasty(&self) -> bool {
        self.patience_ms < Self::PATIENCE_MS
    }

    /// When the last of them comes, about, in virtual milliseconds since the run's start.
    pub fn last_ms(&self) -> u64 {
        let seconds = f64::from(self.journeys) / self.rate_per_s.max(f64::MIN_POSITIVE);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an estimate; it is not negative, and a cast saturates"
        )]
        let after_ms = (seconds * 1_000.0) as u64;
        self.from_ms.saturating_add(after_ms)
    }
}
