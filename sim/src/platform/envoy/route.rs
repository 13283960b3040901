//! What becomes of one request: faults, timeouts, retries (Envoy: fault_filter.cc, router.cc,
//! retry_state_impl.cc, backoff_strategy.cc; Istio: `VirtualService`, route/retry/retry.go;
//! platform: §5).

use std::{collections::BTreeSet, time::Duration};

use squall_kit::rng::Rng;
use squall_reports::history::Name;

use crate::objects::mesh::{RetryOn, RetryPolicy, VirtualService};

/// The first back-off is drawn below this (Envoy: `upstream.base_retry_backoff_ms`).
const BACK_OFF: Duration = Duration::from_millis(25);
/// None is drawn above this: ten times the base.
const BACK_OFF_MAX: Duration = Duration::from_millis(250);

/// Why a try has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// The connection was refused or reset while it was made.
    ConnectFailure,
    /// The connection was not made within `connectTimeout`.
    ConnectTimeout,
    /// The upstream closed the connection before its answer.
    Termination,
    /// A limit of the connection pool.
    Overflow,
    /// No answer within `perTryTimeout`.
    TryTimeout,
}

impl Reset {
    /// The status that outlier detection counts for it (Envoy: `resultToHttpCode`); `None`: the
    /// host had no part in it.
    pub const fn charge(self) -> Option<u16> {
        match self {
            Self::ConnectFailure | Self::ConnectTimeout | Self::Termination => Some(503),
            Self::TryTimeout => Some(504),
            Self::Overflow => None,
        }
    }

    /// True when the request surely never reached the upstream.
    pub const fn is_before_sending(self) -> bool {
        match self {
            Self::ConnectFailure | Self::ConnectTimeout | Self::Overflow => true,
            Self::Termination | Self::TryTimeout => false,
        }
    }
}

/// How a try ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryEnd {
    /// With an answer of this status.
    Answered(u16),
    /// Without one.
    Reset(Reset),
}

/// What follows from a try's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the request's end.
    Final,
    /// It would be tried again, but was as often as it may be: URX.
    Exhausted,
    /// It would be tried again, but `maxRetries` are under way: UO.
    Overflow,
    /// It is tried again after this time.
    Again(Duration),
}

/// One request's retries.
#[derive(Clone, Debug)]
pub struct Retries {
    left: u32,
    retry_on: Vec<RetryOn>,
    /// The next back-off is drawn below this.
    back_off: Duration,
    tried: BTreeSet<Name>,
}

impl Retries {
    /// As the route says; Istio's default holds where nothing does. `attempts: 0` is no policy at
    /// all, so nothing is ever exhausted (Istio: retry.go).
    pub fn new(policy: &RetryPolicy) -> Self {
        let retry_on = match policy.attempts {
            0 => Vec::new(),
            _ => policy.retry_on.clone(),
        };
        Self {
            left: policy.attempts,
            retry_on,
            back_off: BACK_OFF,
            tried: BTreeSet::new(),
        }
    }

    /// Hosts tried so far: retries avoid them.
    pub fn tried(&self) -> &BTreeSet<Name> {
        &self.tried
    }

    /// A try goes to this host.
    pub fn note(&mut self, host: &Name) {
        self.tried.insert(host.clone());
    }

    /// Decides after a try. `may_begin` takes a place among the parallel retries; it is asked only
    /// if all else is in favour (Envoy: `RetryStateImpl::shouldRetry`).
    pub fn decide(&mut self, end: TryEnd, may_begin: impl FnOnce() -> bool, rng: &Rng) -> Verdict {
        if !self.wants(end) {
            return Verdict::Final;
        }
        if self.left == 0 {
            return Verdict::Exhausted;
        }
        self.left -= 1;
        if !may_begin() {
            return Verdict::Overflow;
        }
        Verdict::Again(self.draw_back_off(rng))
    }

    fn wants(&self, end: TryEnd) -> bool {
        self.retry_on.iter().any(|on| matches(*on, end))
    }

    /// Fully jittered: uniform below 25, 50, 100, 200, 250, 250, … ms (Envoy:
    /// `JitteredExponentialBackOffStrategy`).
    fn draw_back_off(&mut self, rng: &Rng) -> Duration {
        let below = self.back_off;
        self.back_off = (below * 2).min(BACK_OFF_MAX);
        let below_ms = u64::try_from(below.as_millis()).expect("at most 250");
        Duration::from_millis(rng.below(below_ms))
    }
}

/// True when `on` covers this end. An overflow is never tried again (Envoy:
/// `wouldRetryFromReset`), and a 503 that Envoy made of a reset is no status: `retryOn: "503"` does
/// not see it.
fn matches(on: RetryOn, end: TryEnd) -> bool {
    match end {
        TryEnd::Reset(Reset::Overflow) => false,
        TryEnd::Reset(reset) => match on {
            RetryOn::Reset | RetryOn::ServerError | RetryOn::GatewayError => true,
            RetryOn::ConnectFailure => {
                matches!(reset, Reset::ConnectFailure | Reset::ConnectTimeout)
            }
            RetryOn::RefusedStream | RetryOn::Grpc | RetryOn::Status(_) => false,
        },
        TryEnd::Answered(status) => match on {
            RetryOn::ServerError => (500..=599).contains(&status),
            RetryOn::GatewayError => matches!(status, 502..=504),
            RetryOn::Status(listed) => listed == status,
            RetryOn::ConnectFailure | RetryOn::RefusedStream | RetryOn::Grpc | RetryOn::Reset => {
                false
            }
        },
    }
}

/// The delay injected into this request, if any. It comes before the route's timeout begins.
pub fn injected_delay(route: &VirtualService, rng: &Rng) -> Option<Duration> {
    let (delay, percent) = route.delay?;
    strikes(percent, rng).then_some(delay)
}

/// The status injected instead of an answer, if any; drawn after the delay.
pub fn injected_abort(route: &VirtualService, rng: &Rng) -> Option<u16> {
    let (status, percent) = route.abort?;
    strikes(percent, rng).then_some(status)
}

/// Nothing is drawn for what is certain.
fn strikes(percent: f64, rng: &Rng) -> bool {
    percent >= 100.0 || (percent > 0.0 && rng.chance(percent / 100.0))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use squall_kit::rng::Rng;

    use super::{Reset, Retries, TryEnd, Verdict, injected_abort, injected_delay};
    use crate::objects::mesh::{RetryOn, RetryPolicy, VirtualService};

    fn rng() -> Rng {
        Rng::stream(1, "sidecar/order-1")
    }

    fn again(verdict: Verdict) -> Duration {
        match verdict {
            Verdict::Again(after) => after,
            other => panic!("no retry: {other:?}"),
        }
    }

    fn retries(attempts: u32, retry_on: &[RetryOn]) -> Retries {
        Retries::new(&RetryPolicy {
            attempts,
            per_try_timeout: None,
            retry_on: retry_on.to_vec(),
        })
    }

    #[test]
    fn platform_5_istios_default_repeats_failed_connects_twice_and_nothing_else() {
        let mut default = Retries::new(&RetryPolicy::default());
        let refused = TryEnd::Reset(Reset::ConnectFailure);
        let never = || panic!("no place is taken for what is not repeated");
        for end in [
            TryEnd::Answered(503),
            TryEnd::Reset(Reset::Termination),
            TryEnd::Reset(Reset::Overflow),
            TryEnd::Reset(Reset::TryTimeout),
        ] {
            assert_eq!(default.decide(end, never, &rng()), Verdict::Final);
        }
        again(default.decide(refused, || true, &rng()));
        again(default.decide(refused, || true, &rng()));
        assert_eq!(default.decide(refused, || true, &rng()), Verdict::Exhausted);
    }

    #[test]
    fn what_each_condition_covers() {
        use RetryOn::{ConnectFailure, GatewayError, ServerError, Status};
        let yes = |on, end| {
            let verdict = retries(1, &[on]).decide(end, || true, &rng());
            matches!(verdict, Verdict::Again(_))
        };
        let (answered, reset) = (TryEnd::Answered, TryEnd::Reset);
        assert!(yes(ServerError, answered(500)) && !yes(GatewayError, answered(500)));
        assert!(yes(GatewayError, answered(504)) && !yes(ServerError, answered(404)));
        assert!(yes(Status(409), answered(409)) && !yes(Status(409), answered(404)));
        for on in [RetryOn::Reset, ServerError, GatewayError] {
            assert!(yes(on, reset(Reset::Termination)) && yes(on, reset(Reset::TryTimeout)));
            assert!(!yes(on, reset(Reset::Overflow)), "never");
        }
        assert!(!yes(Status(503), reset(Reset::Termination)), "platform §5");
        assert!(yes(ConnectFailure, reset(Reset::ConnectTimeout)));
        assert!(!yes(ConnectFailure, reset(Reset::Termination)));
        assert!(!yes(RetryOn::Grpc, answered(503)));
        assert!(!yes(RetryOn::RefusedStream, reset(Reset::Termination)));
    }

    #[test]
    fn platform_5_zero_attempts_switch_retries_off() {
        let mut off = retries(0, &[RetryOn::ServerError]);
        let verdict = off.decide(TryEnd::Answered(503), || true, &rng());
        assert_eq!(verdict, Verdict::Final);
    }

    #[test]
    fn parallel_retries_that_are_too_many_overflow() {
        let mut some = retries(2, &[RetryOn::ServerError]);
        let verdict = some.decide(TryEnd::Answered(503), || false, &rng());
        assert_eq!(verdict, Verdict::Overflow);
    }

    #[test]
    fn platform_5_back_off_doubles_from_25_ms_to_ten_times_as_much() {
        let (rng, mut longest) = (rng(), [Duration::ZERO; 7]);
        for _ in 0..2_000 {
            let mut all = retries(7, &[RetryOn::ServerError]);
            for longest in &mut longest {
                let after = again(all.decide(TryEnd::Answered(500), || true, &rng));
                *longest = after.max(*longest);
            }
        }
        let ms = longest.map(|time| time.as_millis());
        assert_eq!(ms, [24, 49, 99, 199, 249, 249, 249]);
    }

    #[test]
    fn faults_strike_the_share_they_are_meant_for() {
        let mut route = VirtualService {
            name: "pay".to_owned(),
            host: "pay".to_owned(),
            timeout: None,
            retries: RetryPolicy::default(),
            abort: None,
            delay: None,
        };
        let rng = rng();
        assert_eq!(injected_abort(&route, &rng), None);
        route.abort = Some((503, 10.0));
        let aborted = (0..10_000).filter_map(|_| injected_abort(&route, &rng));
        assert!((900..=1_100).contains(&aborted.count()));
        let delay = Duration::from_secs(5);
        route.delay = Some((delay, 100.0));
        assert!((0..100).all(|_| injected_delay(&route, &rng) == Some(delay)));
        route.delay = Some((delay, 0.0));
        assert!((0..100).all(|_| injected_delay(&route, &rng).is_none()));
    }
}
