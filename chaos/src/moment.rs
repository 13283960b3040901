//! Does an entry of a history show the moment that a fault waits for?

use std::fmt;

use squall_reports::history::{Entry, What};

use crate::fault::Moment;

impl Moment {
    /// On whose host it is seen, where that is part of it.
    pub fn host(&self) -> Option<&str> {
        match self {
            Self::CallSent { host, .. }
            | Self::CallEnded { host, .. }
            | Self::Committed { host, .. }
            | Self::Hint { host, .. } => Some(host),
            Self::Consumed { consumer, .. } => Some(consumer),
            Self::Published { .. } | Self::Requested { .. } => None,
        }
    }

    /// True when `entry` is an occurrence of this moment.
    pub fn is_shown_by(&self, entry: &Entry) -> bool {
        match (self, &entry.what) {
            (Self::CallSent { host, target }, What::CallSent { target: called, .. })
            | (Self::CallEnded { host, target }, What::CallEnded { target: called, .. }) => {
                is_of(&entry.host, host) && is_service(called, target)
            }
            (
                Self::Committed { host, commit },
                What::Committed {
                    commit: id,
                    replayed,
                    ..
                },
            ) => !replayed && is_of(&entry.host, host) && id.starts_with(commit.as_ref()),
            (
                Self::Published { kind },
                What::Published {
                    kind: published, ..
                },
            ) => is_or_any(published, kind),
            (
                Self::Consumed { consumer, kind },
                What::Consumed {
                    consumer: by,
                    kind: consumed,
                    ..
                },
            ) => is_or_any(by, consumer) && is_or_any(consumed, kind),
            (Self::Hint { host, name }, What::Hint { name: passed }) => {
                is_of(&entry.host, host) && is_or_any(passed, name)
            }
            (
                Self::Requested { method, route },
                What::Requested {
                    method: sent,
                    route: asked,
                    ..
                },
            ) => is_or_any(sent, method) && is_or_any(asked, route),
            _ => false,
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CallSent { host, target } => write!(f, "a call from {host} to {target}"),
            Self::CallEnded { host, target } => {
                write!(f, "the end of a call from {host} to {target}")
            }
            Self::Committed { host, commit } if commit.is_empty() => {
                write!(f, "a commit of {host}")
            }
            Self::Committed { host, commit } => write!(f, "commit {commit}… of {host}"),
            Self::Published { kind } => write!(f, "a published {kind}"),
            Self::Consumed { consumer, kind } => write!(f, "{consumer}'s handling of {kind}"),
            Self::Hint { host, name } => write!(f, "{host}'s {name:?}"),
            Self::Requested { method, route } => write!(f, "a request {method} {route}"),
        }
    }
}

fn is_or_any(actual: &str, wanted: &str) -> bool {
    wanted.is_empty() || actual == wanted
}

/// `order-1` is of `order` and of `order-1`; `order-store` is of `order-store` alone.
fn is_of(host: &str, wanted: &str) -> bool {
    let number = host
        .strip_prefix(wanted)
        .and_then(|rest| rest.strip_prefix('-'));
    is_or_any(host, wanted)
        || number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// `pay:8080` is the service `pay`.
fn is_service(target: &str, wanted: &str) -> bool {
    is_or_any(target.split(':').next().unwrap_or_default(), wanted)
}

#[cfg(test)]
mod tests {
    use super::{is_of, is_service};

    #[test]
    fn hosts_are_matched_by_deployment_or_name() {
        assert!(is_of("order-1", "order"));
        assert!(is_of("order-12", "order-12"));
        assert!(is_of("order-1", ""));
        assert!(!is_of("order-store", "order"));
        assert!(!is_of("order-12", "order-1"));
        assert!(!is_of("orders-1", "order"));
    }

    #[test]
    fn services_are_matched_without_their_port() {
        assert!(is_service("pay:8080", "pay"));
        assert!(!is_service("payment:8080", "pay"));
    }
}
