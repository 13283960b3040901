//! resilience4j's state machine alone: it is told the time.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    resilience::{
        machine::{Machine, Pass},
        resilience4j::Resilience4j,
        resilience4j_settings::{Exceptions, Resilience4jSettings, SlidingWindowType},
    },
    signal::{
        BreakerState::{self, Closed, HalfOpen, Open},
        CallOutcome::{self, BadRequest, Cancelled, Failure, Rejected, Success, Timeout},
    },
};

const MS: Duration = Duration::from_millis(1);

/// A breaker and the clock it is shown.
struct Bench {
    machine: Resilience4j,
    begun: Instant,
    now: Instant,
}

impl Bench {
    fn new(settings: Resilience4jSettings) -> Self {
        let begun = Instant::now();
        Self {
            machine: Resilience4j::new(settings, begun),
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

    fn admit(&mut self) -> Option<Pass> {
        self.machine.admit(self.now)
    }

    fn end(&mut self, pass: Pass, outcome: CallOutcome) -> &mut Self {
        self.machine.record(self.now, pass, outcome);
        self
    }

    fn calls(&mut self, number: usize, outcome: CallOutcome) -> &mut Self {
        for _ in 0..number {
            let pass = self.admit().expect("it passes");
            self.end(pass, outcome);
        }
        self
    }

    fn state(&self) -> BreakerState {
        self.machine.state()
    }

    /// A breaker that has opened at 0 ms.
    fn opened(settings: Resilience4jSettings) -> Self {
        let mut bench = Self::new(settings);
        bench.calls(settings.minimum() as usize, Failure);
        assert_eq!(bench.state(), Open);
        bench
    }
}

fn default() -> Resilience4jSettings {
    Resilience4jSettings::default()
}

#[test]
fn platform_6_ninety_nine_failures_stay_closed_and_the_hundredth_opens_at_once() {
    let mut bench = Bench::new(default());
    assert_eq!(bench.calls(99, Failure).state(), Closed);
    assert_eq!(bench.calls(1, Failure).state(), Open);
    assert!(bench.admit().is_none());
}

#[test]
fn platform_6_the_rate_is_checked_after_every_call_and_fifty_percent_is_enough() {
    let mut bench = Bench::new(default());
    bench.calls(51, Success).calls(49, Failure);
    assert_eq!(bench.state(), Closed, "49 of the last 100");
    // The oldest, a success, leaves.
    assert_eq!(bench.calls(1, Failure).state(), Open);
}

#[test]
fn platform_6_a_small_window_needs_no_more_calls_than_it_holds() {
    let mut bench = Bench::new(Resilience4jSettings {
        sliding_window_size: 4,
        ..default()
    });
    assert_eq!(bench.calls(3, Failure).state(), Closed);
    assert_eq!(bench.calls(1, Success).state(), Open, "3 of 4");
}

#[test]
fn platform_6_a_time_based_window_forgets_seconds_the_current_one_included() {
    let settings = Resilience4jSettings {
        sliding_window_type: SlidingWindowType::TimeBased,
        sliding_window_size: 2,
        minimum_number_of_calls: 4,
        ..default()
    };
    let mut bench = Bench::new(settings);
    bench.at(900).calls(3, Failure);
    assert_eq!(bench.at(2_000).calls(1, Failure).state(), Closed);
    let mut bench = Bench::new(settings);
    bench.at(900).calls(3, Failure);
    assert_eq!(bench.at(1_999).calls(1, Failure).state(), Open);
}

#[test]
fn platform_6_slow_means_longer_than_the_limit_and_slow_calls_open_it_too() {
    let settings = Resilience4jSettings {
        minimum_number_of_calls: 2,
        slow_call_duration_threshold: 100 * MS,
        ..default()
    };
    let after_two_calls_of = |ms| {
        let mut bench = Bench::new(settings);
        let (one, two) = (bench.admit(), bench.admit());
        bench.at(ms);
        for pass in one.into_iter().chain(two) {
            bench.end(pass, Success);
        }
        bench.state()
    };
    assert_eq!(after_two_calls_of(100), Closed);
    assert_eq!(after_two_calls_of(101), Open);
}

#[test]
fn platform_6_the_wait_is_over_strictly_after_60_s_and_a_call_ends_it() {
    let mut bench = Bench::opened(default());
    assert!(bench.at(60_000).admit().is_none());
    assert_eq!(bench.at(90_000).state(), Open, "lazily");
    assert!(bench.at(60_001).admit().is_some_and(|pass| pass.probe));
    assert_eq!(bench.state(), HalfOpen);
}

#[test]
fn platform_6_an_automatic_transition_needs_no_call() {
    let mut bench = Bench::opened(Resilience4jSettings {
        automatic_transition: true,
        ..default()
    });
    assert_eq!(bench.at(59_999).state(), Open);
    let ends = bench.begun + 60_000 * MS;
    assert_eq!(bench.machine.next_deadline(), Some(ends));
    assert_eq!(bench.at(60_000).state(), HalfOpen);
}

#[test]
fn platform_6_half_open_passes_ten_calls_and_decides_after_as_many() {
    let mut bench = Bench::opened(default());
    bench.at(60_001);
    let mut passes: Vec<Pass> = (0..10).filter_map(|_| bench.admit()).collect();
    assert_eq!(passes.len(), 10);
    assert!(bench.admit().is_none(), "the eleventh");
    for (pass, n) in passes.drain(..).zip(0..) {
        assert_eq!(bench.state(), HalfOpen);
        bench.end(pass, if n < 4 { Failure } else { Success });
    }
    assert_eq!(bench.state(), Closed, "4 of 10 failed");
    assert_eq!(bench.calls(99, Failure).state(), Closed, "counts from zero");
}

#[test]
fn platform_6_half_open_opens_again_at_the_threshold_and_waits_anew() {
    let mut bench = Bench::opened(default());
    bench.at(60_001).calls(5, Success).calls(5, Failure);
    assert_eq!(bench.state(), Open);
    assert!(bench.at(120_001).admit().is_none());
    assert!(bench.at(120_002).admit().is_some());
}

#[test]
fn platform_6_fewer_minimum_calls_decide_earlier_in_half_open() {
    let mut bench = Bench::opened(Resilience4jSettings {
        minimum_number_of_calls: 3,
        ..default()
    });
    assert_eq!(bench.at(60_001).calls(2, Success).state(), HalfOpen);
    assert_eq!(bench.calls(1, Failure).state(), Closed, "resilience4j#1523");
}

#[test]
fn platform_6_lost_permits_leave_it_half_open_for_ever_unless_there_is_a_longest_wait() {
    let lose_all_permits = |settings| {
        let mut bench = Bench::opened(settings);
        bench.at(60_001);
        for _ in 0..10 {
            bench.admit().expect("permitted, and never reported");
        }
        bench
    };
    let mut stuck = lose_all_permits(default());
    assert_eq!(stuck.machine.next_deadline(), None);
    assert!(stuck.at(3_600_000).admit().is_none());
    assert_eq!(stuck.state(), HalfOpen);
    let mut freed = lose_all_permits(Resilience4jSettings {
        max_wait_duration_in_half_open_state: Some(5_000 * MS),
        ..default()
    });
    assert_eq!(freed.at(65_000).state(), HalfOpen);
    assert_eq!(freed.at(65_001).state(), Open);
    assert!(freed.at(125_001).admit().is_none());
    assert!(freed.at(125_002).admit().is_some());
}

#[test]
fn platform_6_ignored_and_cancelled_results_give_their_permit_back_and_record_nothing() {
    let ignoring = Resilience4jSettings {
        ignore: Exceptions {
            bad_request: true,
            ..Exceptions::default()
        },
        ..default()
    };
    for (settings, outcome) in [(ignoring, BadRequest), (default(), Cancelled)] {
        let mut bench = Bench::opened(settings);
        bench.at(60_001).calls(100, outcome);
        assert_eq!(bench.state(), HalfOpen);
        assert_eq!(bench.calls(10, Success).state(), Closed);
        assert_eq!(bench.calls(99, Failure).calls(50, outcome).state(), Closed);
        assert_eq!(bench.calls(1, Failure).state(), Open);
    }
}

#[test]
fn platform_6_nothing_is_ignored_by_default() {
    let mut bench = Bench::new(default());
    assert_eq!(bench.calls(100, BadRequest).state(), Open);
}

#[test]
fn platform_6_results_that_are_not_recorded_count_as_successes() {
    let mut bench = Bench::new(Resilience4jSettings {
        record: Exceptions {
            failure: true,
            ..Exceptions::default()
        },
        ..default()
    });
    bench.calls(51, Timeout).calls(49, Failure);
    assert_eq!(bench.state(), Closed);
    let mut strict = Bench::new(default());
    strict.calls(50, Timeout).calls(50, Rejected);
    assert_eq!(strict.state(), Open, "by default all are failures");
}

#[test]
fn platform_6_late_results_in_open_decide_nothing() {
    let mut bench = Bench::new(default());
    let late: Vec<Pass> = (0..200).filter_map(|_| bench.admit()).collect();
    bench.calls(100, Failure);
    for pass in late {
        bench.end(pass, Success);
    }
    assert_eq!(bench.state(), Open);
    assert!(bench.at(60_000).admit().is_none(), "and do not lengthen it");
    assert!(bench.at(60_001).admit().is_some());
}

#[test]
fn late_results_in_half_open_count_with_the_probes() {
    let mut bench = Bench::new(default());
    let late: Vec<Pass> = (0..9).filter_map(|_| bench.admit()).collect();
    bench.calls(100, Failure).at(60_001);
    let probe = bench.admit().expect("the wait is over");
    for pass in late {
        bench.end(pass, Failure);
    }
    assert_eq!(bench.state(), HalfOpen);
    assert_eq!(bench.end(probe, Success).state(), Open);
}
