//! What happens to pods, rollouts and sidecars, picked from a history.

use std::fmt;

use crate::{
    history::{Entry, History, Name, PodPhase, RolloutState, SidecarAct, What},
    window::Window,
};

/// A kind of thing that happens. `of` is a pod (`order-1`) or a deployment (`order`: each of its
/// pods).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Occurrence {
    /// A container was started, for the first time or again.
    Started {
        /// Whose.
        of: Name,
    },
    /// A container was started again: `kubectl get pods` counts one more under RESTARTS.
    Restarted {
        /// Whose.
        of: Name,
    },
    /// A pod became ready.
    BecameReady {
        /// Whose.
        of: Name,
    },
    /// A probe's verdict became a failure.
    ProbeFailed {
        /// Whose.
        of: Name,
        /// `startup`, `readiness` or `liveness`.
        probe: Name,
    },
    /// A container could not be configured: a ConfigMap, a Secret or a key is missing.
    ConfigError {
        /// Whose.
        of: Name,
    },
    /// A rollout came to a state.
    Rollout {
        /// The deployment.
        of: Name,
        /// The state.
        state: RolloutState,
    },
    /// A sidecar ejected a pod.
    Ejected {
        /// The pod.
        of: Name,
    },
    /// A sidecar took a pod back.
    Readmitted {
        /// The pod.
        of: Name,
    },
    /// An event was published.
    Published {
        /// By whom.
        of: Name,
    },
    /// A call was answered with this status.
    CallAnswered {
        /// To whom.
        of: Name,
        /// The callee, `pay:8080`.
        target: Name,
        /// The status.
        status: u16,
    },
    /// A call was sent.
    Called {
        /// By whom.
        of: Name,
        /// The callee, `pay:8080`.
        target: Name,
    },
}

/// What the simulator notes of a container that cannot be configured begins so.
const CONFIG_ERROR: &str = "CreateContainerConfigError";
/// The reason of a second or later start begins so.
const RESTART: &str = "restart ";

// === impl Occurrence ===

impl Occurrence {
    /// True when `entry` shows it.
    pub fn is_shown_by(&self, entry: &Entry) -> bool {
        let host = |of: &Name| is_of(&entry.host, of);
        match (self, &entry.what) {
            (Self::Started { of }, What::Pod { phase, .. }) => {
                host(of) && *phase == PodPhase::Starting
            }
            (Self::Restarted { of }, What::Pod { phase, reason, .. }) => {
                host(of) && *phase == PodPhase::Starting && reason.starts_with(RESTART)
            }
            (Self::BecameReady { of }, What::Pod { phase, .. }) => {
                host(of) && *phase == PodPhase::Ready
            }
            (
                Self::ProbeFailed { of, probe },
                What::Probe {
                    probe: p, success, ..
                },
            ) => host(of) && p == probe && !success,
            (Self::ConfigError { of }, What::Note { text }) => {
                host(of) && text.starts_with(CONFIG_ERROR)
            }
            (
                Self::Rollout { of, state },
                What::Rollout {
                    deployment,
                    state: s,
                    ..
                },
            ) => deployment == of && s == state,
            (Self::Ejected { of }, What::Sidecar { did, .. }) => {
                matches!(did, SidecarAct::Ejected { pod } if is_of(pod, of))
            }
            (Self::Readmitted { of }, What::Sidecar { did, .. }) => {
                matches!(did, SidecarAct::Readmitted { pod } if is_of(pod, of))
            }
            (Self::Published { of }, What::Published { .. }) => host(of),
            (
                Self::CallAnswered { of, target, status },
                What::CallEnded {
                    target: called,
                    status: with,
                    ..
                },
            ) => host(of) && called == target && *with == Some(*status),
            (Self::Called { of, target }, What::CallSent { target: called, .. }) => {
                host(of) && called == target
            }
            _ => false,
        }
    }

    /// Every one in a window; `None` when the run never came to it.
    pub fn within<'a>(&self, history: &'a History, window: &Window) -> Option<Vec<&'a Entry>> {
        let range = window.range(history)?;
        let entries = history.entries.iter();
        let found = entries.filter(|entry| range.contains(&entry.at_us) && self.is_shown_by(entry));
        Some(found.collect())
    }
}

impl fmt::Display for Occurrence {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { of } => write!(out, "starts of {of}"),
            Self::Restarted { of } => write!(out, "restarts of {of}"),
            Self::BecameReady { of } => write!(out, "{of} ready"),
            Self::ProbeFailed { of, probe } => write!(out, "failures of {of}'s {probe} probe"),
            Self::ConfigError { of } => write!(out, "{CONFIG_ERROR} of {of}"),
            Self::Rollout { of, state } => write!(out, "rollouts of {of} {state:?}"),
            Self::Ejected { of } => write!(out, "ejections of {of}"),
            Self::Readmitted { of } => write!(out, "readmissions of {of}"),
            Self::Published { of } => write!(out, "events published by {of}"),
            Self::CallAnswered { of, target, status } => {
                write!(out, "calls of {of} to {target} answered {status}")
            }
            Self::Called { of, target } => write!(out, "calls of {of} to {target}"),
        }
    }
}

/// `order-1` is of `order` and of `order-1`; `order-store` is of `order-store` alone.
pub(crate) fn is_of(host: &str, wanted: &str) -> bool {
    let number = host
        .strip_prefix(wanted)
        .and_then(|rest| rest.strip_prefix('-'));
    host == wanted || number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand::Hand;

    fn count(occurrence: &Occurrence, hand: Hand) -> usize {
        let history = hand.history();
        let found = occurrence.within(&history, &Window::Run);
        found.map_or(0, |found| found.len())
    }

    #[test]
    fn pods_are_found_by_their_name_or_deployment() {
        assert!(is_of("order-1", "order") && is_of("order-12", "order-12"));
        assert!(!is_of("order-store", "order") && !is_of("order-12", "order-1"));
        assert!(!is_of("orders-1", "order") && !is_of("order-", "order"));
    }

    #[test]
    fn a_first_start_is_no_restart() {
        let hand = || {
            Hand::new()
                .on("order-1")
                .pod(PodPhase::Starting, "first start")
                .pod(PodPhase::Starting, "restart 1")
                .on("pay-1")
                .pod(PodPhase::Starting, "restart 1")
        };
        let of = || "order".into();
        assert_eq!(count(&Occurrence::Started { of: of() }, hand()), 2);
        assert_eq!(count(&Occurrence::Restarted { of: of() }, hand()), 1);
        assert_eq!(count(&Occurrence::BecameReady { of: of() }, hand()), 0);
    }

    #[test]
    fn only_failures_of_the_probe_asked_for_are_found() {
        let probe = |probe: &str, success| What::Probe {
            probe: probe.into(),
            success,
            reason: String::new(),
        };
        let hand = Hand::new().on("order-1");
        let hand = hand
            .add(probe("liveness", true))
            .add(probe("readiness", false));
        let failed = Occurrence::ProbeFailed {
            of: "order-1".into(),
            probe: "liveness".into(),
        };
        let history = hand.history();
        assert_eq!(failed.within(&history, &Window::Run), Some(Vec::new()));
        assert!(failed.is_shown_by(&Entry {
            at_us: 0,
            host: "order-1".into(),
            what: probe("liveness", false),
        }));
    }
}
