//! The state machine alone: it is told the time.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    resilience::{
        hystrix::Hystrix,
        machine::{Machine, Pass},
        settings::{HystrixSettings, Isolation},
    },
    signal::{BreakerState, CallOutcome},
};

const MS: Duration = Duration::from_millis(1);

/// A breaker and the clock it is shown.
struct Bench {
    machine: Hystrix,
    begun: Instant,
    now: Instant,
}

impl Bench {
    fn new(settings: HystrixSettings) -> Self {
        let begun = Instant::now();
        let machine = Hystrix::new(settings, begun);
        Self {
            machine,
            begun,
            now: begun,
        }
    }

    /// Goes to `ms` after the start.
    fn at(&mut self, ms: u32) -> &mut Self {
        self.now = self.begun + ms * MS;
        while self.machine.advance(self.now) {}
        self
    }

    fn calls(&mut self, number: usize, outcome: CallOutcome) -> &mut Self {
        for _ in 0..number {
            assert!(self.call(outcome), "it passes");
        }
        self
    }

    fn admit(&mut self) -> Option<Pass> {
        self.machine.admit(self.now)
    }

    /// False when short-circuited.
    fn call(&mut self, outcome: CallOutcome) -> bool {
        let Some(pass) = self.admit() else {
            return false;
        };
        self.machine.record(self.now, pass, outcome);
        true
    }

    fn state(&self) -> BreakerState {
        self.machine.state()
    }

    /// A breaker that has opened at 500 ms.
    fn opened() -> Self {
        let mut bench = Self::new(HystrixSettings::default());
        bench.at(100).calls(20, CallOutcome::Failure).at(500);
        assert_eq!(bench.state(), BreakerState::Open);
        bench
    }
}

#[test]
fn platform_6_nineteen_failures_stay_closed() {
    let mut bench = Bench::new(HystrixSettings::default());
    for n in 0..19 {
        bench.at(n * 500 + 10).calls(1, CallOutcome::Failure);
    }
    assert_eq!(bench.at(30_000).state(), BreakerState::Closed);
}

#[test]
fn platform_6_twenty_failures_open_at_the_next_500_ms_tick() {
    let mut bench = Bench::new(HystrixSettings::default());
    bench.at(1_001).calls(20, CallOutcome::Failure);
    assert_eq!(bench.state(), BreakerState::Closed);
    assert_eq!(bench.at(1_499).state(), BreakerState::Closed);
    assert_eq!(
        bench.machine.next_deadline(),
        Some(bench.begun + 1_500 * MS)
    );
    assert_eq!(bench.at(1_500).state(), BreakerState::Open);
}

#[test]
fn platform_6_twenty_failures_spread_over_more_than_10_s_stay_closed() {
    let mut bench = Bench::new(HystrixSettings::default());
    for n in 0..40 {
        bench.at(n * 530).calls(1, CallOutcome::Failure);
    }
    assert_eq!(bench.at(60_000).state(), BreakerState::Closed);
}

#[test]
fn platform_6_the_percentage_is_whole_and_fifty_is_enough() {
    let share = |failures, successes| {
        let mut bench = Bench::new(HystrixSettings::default());
        bench
            .at(1)
            .calls(failures, CallOutcome::Failure)
            .calls(successes, CallOutcome::Success);
        bench.at(500).state()
    };
    assert_eq!(share(10, 10), BreakerState::Open);
    assert_eq!(share(49, 51), BreakerState::Closed);
    // 99 of 199 are 49.7 %, which counts as 49.
    assert_eq!(share(99, 100), BreakerState::Closed);
}

#[test]
fn platform_6_rejections_and_timeouts_are_errors() {
    for outcome in [CallOutcome::Rejected, CallOutcome::Timeout] {
        let mut bench = Bench::new(HystrixSettings::default());
        bench.at(1).calls(20, outcome);
        assert_eq!(bench.at(500).state(), BreakerState::Open, "{outcome:?}");
    }
}

#[test]
fn platform_6_bad_requests_and_cancelled_calls_are_not_counted() {
    for outcome in [CallOutcome::BadRequest, CallOutcome::Cancelled] {
        let mut bench = Bench::new(HystrixSettings::default());
        bench
            .at(1)
            .calls(100, outcome)
            .calls(19, CallOutcome::Failure);
        assert_eq!(
            bench.at(500).state(),
            BreakerState::Closed,
            "neither in the volume nor as errors"
        );
    }
}

#[test]
fn platform_6_old_successes_that_leave_the_window_may_open_it() {
    let mut bench = Bench::new(HystrixSettings::default());
    bench.at(1).calls(100, CallOutcome::Success);
    bench.at(5_000).calls(20, CallOutcome::Failure);
    assert_eq!(bench.at(10_000).state(), BreakerState::Closed);
    assert_eq!(bench.at(10_500).state(), BreakerState::Open);
}

#[test]
fn platform_6_the_sleep_window_is_over_strictly_after_5000_ms() {
    let mut bench = Bench::opened();
    assert!(!bench.at(600).call(CallOutcome::Success));
    assert!(
        !bench.at(5_500).call(CallOutcome::Success),
        "t + 5000 exactly"
    );
    assert!(bench.at(5_501).admit().is_some_and(|pass| pass.probe));
    assert_eq!(bench.state(), BreakerState::HalfOpen);
}

#[test]
fn platform_6_half_open_passes_one_probe_only() {
    let mut bench = Bench::opened();
    let probe = bench.at(6_000).admit().expect("the probe");
    assert!(!bench.at(6_001).call(CallOutcome::Success));
    assert!(
        !bench.at(60_000).call(CallOutcome::Success),
        "however long it takes"
    );
    bench.machine.record(bench.now, probe, CallOutcome::Success);
    assert_eq!(bench.state(), BreakerState::Closed);
}

#[test]
fn platform_6_a_good_probe_closes_and_the_counts_restart_from_zero() {
    let mut bench = Bench::opened();
    assert!(bench.at(6_000).call(CallOutcome::Success));
    assert_eq!(bench.state(), BreakerState::Closed);
    // The 20 failures at 100 ms would still be in the window; the next tick is 500 ms from here.
    bench.at(6_001).calls(19, CallOutcome::Failure);
    assert_eq!(bench.at(8_000).state(), BreakerState::Closed);
    bench.calls(1, CallOutcome::Failure);
    assert_eq!(bench.at(8_499).state(), BreakerState::Closed);
    assert_eq!(bench.at(8_500).state(), BreakerState::Open);
}

#[test]
fn platform_6_any_other_end_of_the_probe_opens_for_another_sleep_window() {
    for outcome in [
        CallOutcome::Failure,
        CallOutcome::Timeout,
        CallOutcome::Rejected,
        CallOutcome::BadRequest,
        CallOutcome::Cancelled,
    ] {
        let mut bench = Bench::opened();
        assert!(bench.at(6_000).call(outcome));
        assert_eq!(bench.state(), BreakerState::Open, "{outcome:?}");
        assert!(!bench.at(11_000).call(CallOutcome::Success));
        assert!(bench.at(11_001).call(CallOutcome::Success));
        assert_eq!(bench.state(), BreakerState::Closed);
    }
}

#[test]
fn a_late_result_of_an_ordinary_call_decides_nothing_while_half_open() {
    let mut bench = Bench::new(HystrixSettings::default());
    let late = bench.at(1).admit().expect("closed");
    bench.calls(20, CallOutcome::Failure).at(500);
    let probe = bench.at(6_000).admit().expect("the probe");
    bench.machine.record(bench.now, late, CallOutcome::Success);
    assert_eq!(bench.state(), BreakerState::HalfOpen);
    bench.machine.record(bench.now, probe, CallOutcome::Failure);
    assert_eq!(bench.state(), BreakerState::Open);
}

#[test]
fn platform_6_forced_and_disabled_breakers_decide_nothing() {
    let default = HystrixSettings::default();
    let mut open = Bench::new(HystrixSettings {
        force_open: true,
        force_closed: true,
        ..default
    });
    assert!(!open.call(CallOutcome::Success));
    let forced_closed = HystrixSettings {
        force_closed: true,
        ..default
    };
    let disabled = HystrixSettings {
        enabled: false,
        force_open: true,
        ..default
    };
    for settings in [forced_closed, disabled] {
        let mut bench = Bench::new(settings);
        bench.at(1).calls(100, CallOutcome::Failure);
        assert_eq!(bench.machine.next_deadline(), None);
        assert_eq!(bench.at(600).state(), BreakerState::Closed);
        assert!(bench.call(CallOutcome::Success));
        assert_eq!(bench.at(20_000).state(), BreakerState::Closed);
    }
}

#[test]
fn a_breaker_without_errors_asks_for_no_wake_up() {
    let mut bench = Bench::new(HystrixSettings::default());
    bench.at(1).calls(100, CallOutcome::Success);
    assert_eq!(bench.machine.next_deadline(), None);
    bench.calls(1, CallOutcome::Failure);
    assert_eq!(bench.machine.next_deadline(), Some(bench.begun + 500 * MS));
    assert_eq!(
        bench.at(10_500).machine.next_deadline(),
        None,
        "the error has left the window"
    );
}

#[test]
fn platform_6_with_its_own_faults_a_rejected_probe_leaves_it_half_open_for_ever() {
    let faulty = HystrixSettings {
        isolation: Isolation::Semaphore,
        strict_bugs: true,
        ..Default::default()
    };
    let mended = HystrixSettings {
        strict_bugs: false,
        ..faulty
    };
    let after_a_rejected_probe = |settings| {
        let mut bench = Bench::new(settings);
        bench.at(100).calls(20, CallOutcome::Failure).at(500);
        bench.at(6_000).calls(1, CallOutcome::Rejected);
        bench.at(3_600_000).call(CallOutcome::Success)
    };
    assert!(!after_a_rejected_probe(faulty));
    assert!(after_a_rejected_probe(mended));
}
