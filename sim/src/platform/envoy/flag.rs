//! What Envoy answers itself, and the response flags that say why (Envoy: access_log/usage.rst,
//! `%RESPONSE_FLAGS%`; router.cc; platform: §5).

use std::{collections::BTreeSet, fmt};

use super::route::Reset;

/// Why Envoy answered what it did. In the order in which its access log writes them. Flags that
/// only HTTP/2 can cause (UR, LR) never come up here: upstreams speak HTTP/1.1, where every end of
/// a connection is UC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResponseFlag {
    /// UH: no host is left to pick.
    NoHealthyUpstream,
    /// UT: the route's timeout, or the try's, was over.
    UpstreamTimeout,
    /// UF: no connection could be made.
    ConnectionFailure,
    /// UC: the upstream closed the connection before its answer.
    ConnectionTermination,
    /// UO: a limit of the connection pool, or of parallel retries.
    Overflow,
    /// NR: no route to such a service.
    NoRoute,
    /// DI: a fault delayed the request.
    DelayInjected,
    /// FI: a fault answered it.
    FaultInjected,
    /// URX: it was tried again as often as it may be.
    RetryLimit,
}

impl ResponseFlag {
    /// As in the access log.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoHealthyUpstream => "UH",
            Self::UpstreamTimeout => "UT",
            Self::ConnectionFailure => "UF",
            Self::ConnectionTermination => "UC",
            Self::Overflow => "UO",
            Self::NoRoute => "NR",
            Self::DelayInjected => "DI",
            Self::FaultInjected => "FI",
            Self::RetryLimit => "URX",
        }
    }
}

/// The flags of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags(BTreeSet<ResponseFlag>);

impl Flags {
    /// Adds one.
    pub fn set(&mut self, flag: ResponseFlag) {
        self.0.insert(flag);
    }

    /// True when it is there.
    pub fn has(&self, flag: ResponseFlag) -> bool {
        self.0.contains(&flag)
    }
}

impl fmt::Display for Flags {
    /// `UF,URX`, and `-` for none, as in the access log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("-");
        }
        for (number, flag) in self.0.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            write!(f, "{comma}{}", flag.code())?;
        }
        Ok(())
    }
}

/// An answer of Envoy's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalReply {
    /// Its status.
    pub status: u16,
    /// Its flag.
    pub flag: ResponseFlag,
    /// Its body, plain text.
    pub body: String,
}

impl LocalReply {
    /// Nobody to ask: 503.
    pub fn no_healthy_upstream() -> Self {
        Self::new(503, ResponseFlag::NoHealthyUpstream, "no healthy upstream")
    }

    /// The route's timeout is over: 504.
    pub fn timeout() -> Self {
        Self::new(
            504,
            ResponseFlag::UpstreamTimeout,
            "upstream request timeout",
        )
    }

    /// No such service: 404 without a body.
    pub fn no_route() -> Self {
        Self::new(404, ResponseFlag::NoRoute, "")
    }

    /// An injected fault (Envoy: fault_filter.cc).
    pub fn fault(status: u16) -> Self {
        Self::new(status, ResponseFlag::FaultInjected, "fault filter abort")
    }

    /// The last try was reset: 503, or 504 for the try's timeout.
    pub fn reset(reset: Reset, retried: bool) -> Self {
        let (flag, reason) = match reset {
            Reset::ConnectFailure => (ResponseFlag::ConnectionFailure, "connection failure"),
            Reset::ConnectTimeout => (ResponseFlag::ConnectionFailure, "connection timeout"),
            Reset::Termination => (
                ResponseFlag::ConnectionTermination,
                "connection termination",
            ),
            Reset::Overflow => (ResponseFlag::Overflow, "overflow"),
            Reset::TryTimeout => return Self::timeout(),
        };
        let latest = if retried {
            "retried and the latest reset reason"
        } else {
            "reset reason"
        };
        let body = format!(
            "upstream connect error or disconnect/reset before headers. {latest}: {reason}"
        );
        Self::new(503, flag, &body)
    }

    /// True when it carries `x-envoy-overloaded`.
    pub fn is_overloaded(&self) -> bool {
        self.flag == ResponseFlag::Overflow
    }

    fn new(status: u16, flag: ResponseFlag, body: &str) -> Self {
        Self {
            status,
            flag,
            body: body.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Flags, LocalReply, ResponseFlag};
    use crate::platform::envoy::route::Reset;

    #[test]
    fn flags_read_as_in_the_access_log() {
        let mut flags = Flags::default();
        assert_eq!(flags.to_string(), "-");
        flags.set(ResponseFlag::RetryLimit);
        flags.set(ResponseFlag::ConnectionFailure);
        assert_eq!(flags.to_string(), "UF,URX");
        assert!(flags.has(ResponseFlag::RetryLimit) && !flags.has(ResponseFlag::Overflow));
    }

    #[test]
    fn platform_5_each_flag_has_its_status() {
        let told = |reply: LocalReply| (reply.flag.code(), reply.status);
        assert_eq!(told(LocalReply::no_healthy_upstream()), ("UH", 503));
        assert_eq!(told(LocalReply::timeout()), ("UT", 504));
        assert_eq!(told(LocalReply::no_route()), ("NR", 404));
        assert_eq!(told(LocalReply::fault(418)), ("FI", 418));
        let reset = |reset| told(LocalReply::reset(reset, false));
        assert_eq!(reset(Reset::ConnectFailure), ("UF", 503));
        assert_eq!(reset(Reset::ConnectTimeout), ("UF", 503));
        assert_eq!(reset(Reset::Termination), ("UC", 503));
        assert_eq!(reset(Reset::Overflow), ("UO", 503));
        assert_eq!(reset(Reset::TryTimeout), ("UT", 504));
    }

    #[test]
    fn the_text_is_envoys() {
        let text = |reset, retried| LocalReply::reset(reset, retried).body;
        assert_eq!(
            text(Reset::Termination, false),
            "upstream connect error or disconnect/reset before headers. reset reason: connection \
             termination"
        );
        assert_eq!(
            text(Reset::ConnectFailure, true),
            "upstream connect error or disconnect/reset before headers. retried and the latest \
             reset reason: connection failure"
        );
        assert!(LocalReply::reset(Reset::Overflow, false).is_overloaded());
    }
}
