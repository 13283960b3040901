//! A naive model of resilience4j's rules: it remembers every call and counts afresh each time.

use std::time::Duration;

use proptest::{
    collection::vec, prelude::Strategy, prop_assert_eq, prop_oneof, proptest, strategy::Just,
};
use tokio::time::Instant;

use crate::{
    resilience::{
        machine::{Machine, Pass},
        resilience4j::Resilience4j,
        resilience4j_settings::{Exceptions, Resilience4jSettings, SlidingWindowType},
    },
    signal::{BreakerState, CallOutcome},
};

const SLOW_MS: u64 = 80;
const WAIT_MS: u64 = 700;
const PERMITTED: usize = 3;

/// Everything in milliseconds since the start.
struct Model {
    timed: bool,
    size: usize,
    minimum: usize,
    automatic: bool,
    max_wait: Option<u64>,
    state: BreakerState,
    since: u64,
    /// Left since it half-opened; a late ignored result adds one that was never taken.
    permits: usize,
    /// (when, failed, slow) since the state before last began: older ones never count.
    calls: Vec<(u64, bool, bool)>,
}

impl Model {
    /// Millisecond by millisecond, from the first one not yet seen.
    fn tick(&mut self, now: u64) {
        let open_ends = self.automatic && now == self.since + WAIT_MS;
        let half_open_ends = self.max_wait.is_some_and(|wait| now == self.since + wait);
        match self.state {
            BreakerState::Open if open_ends => self.enter(BreakerState::HalfOpen, now),
            BreakerState::HalfOpen if half_open_ends => self.enter(BreakerState::Open, now),
            _ => {}
        }
    }

    fn enter(&mut self, state: BreakerState, now: u64) {
        if state != BreakerState::Open {
            self.calls.clear();
        }
        self.permits = PERMITTED;
        (self.state, self.since) = (state, now);
    }

    fn admit(&mut self, now: u64) -> bool {
        if self.state == BreakerState::Open && now > self.since + WAIT_MS {
            self.enter(BreakerState::HalfOpen, now);
        }
        match self.state {
            BreakerState::Closed => true,
            BreakerState::Open => false,
            BreakerState::HalfOpen if self.permits == 0 => false,
            BreakerState::HalfOpen => {
                self.permits -= 1;
                true
            }
        }
    }

    fn record(&mut self, now: u64, begun: u64, outcome: CallOutcome) {
        let half_open = self.state == BreakerState::HalfOpen;
        if matches!(outcome, CallOutcome::BadRequest | CallOutcome::Cancelled) {
            self.permits += usize::from(half_open);
            return;
        }
        let failed = outcome != CallOutcome::Success;
        self.calls.push((now, failed, now - begun > SLOW_MS));
        let (size, minimum) = match (half_open, self.timed) {
            (true, _) => (PERMITTED, self.minimum.min(PERMITTED)),
            (false, true) => (usize::MAX, self.minimum),
            (false, false) => (self.size, self.minimum.min(self.size)),
        };
        let oldest_s = if self.timed && !half_open {
            (now / 1000 + 1).saturating_sub(self.size as u64)
        } else {
            0
        };
        let window: Vec<_> = self
            .calls
            .iter()
            .rev()
            .take(size)
            .filter(|(at, ..)| at / 1000 >= oldest_s)
            .collect();
        if window.len() < minimum || self.state == BreakerState::Open {
            return;
        }
        let failures = window.iter().filter(|(_, failed, _)| *failed).count();
        let slow = window.iter().filter(|(.., slow)| *slow).count();
        if failures * 2 >= window.len() || slow == window.len() {
            self.enter(BreakerState::Open, now);
        } else if half_open {
            self.enter(BreakerState::Closed, now);
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Begin(usize),
    /// Ends the n-th call under way (in the order of their beginnings, wrapping).
    End(usize, CallOutcome),
}

fn step() -> impl Strategy<Value = Step> {
    let long_wait = prop_oneof![
        Just(WAIT_MS),
        Just(WAIT_MS + 1),
        Just(SLOW_MS),
        0_u64..3_000
    ];
    let outcome = prop_oneof![
        4 => Just(CallOutcome::Failure),
        1 => Just(CallOutcome::Timeout),
        1 => Just(CallOutcome::Rejected),
        6 => Just(CallOutcome::Success),
        1 => Just(CallOutcome::BadRequest),
        1 => Just(CallOutcome::Cancelled),
    ];
    prop_oneof![
        3 => (0_u64..40).prop_map(Step::Wait),
        1 => long_wait.prop_map(Step::Wait),
        4 => (1_usize..12).prop_map(Step::Begin),
        30 => (0_usize..20, outcome).prop_map(|(n, outcome)| Step::End(n, outcome)),
    ]
}

fn settings() -> impl Strategy<Value = Resilience4jSettings> {
    let flags = (
        proptest::bool::ANY,
        proptest::bool::ANY,
        proptest::bool::ANY,
    );
    (flags, 1_u32..8, 1_u32..8).prop_map(|((timed, automatic, bounded), size, minimum)| {
        Resilience4jSettings {
            sliding_window_type: match timed {
                true => SlidingWindowType::TimeBased,
                false => SlidingWindowType::CountBased,
            },
            sliding_window_size: size,
            minimum_number_of_calls: minimum,
            slow_call_duration_threshold: Duration::from_millis(SLOW_MS),
            wait_duration_in_open_state: Duration::from_millis(WAIT_MS),
            permitted_number_of_calls_in_half_open_state: 3,
            max_wait_duration_in_half_open_state: bounded.then_some(Duration::from_millis(400)),
            automatic_transition: automatic,
            ignore: Exceptions {
                bad_request: true,
                ..Exceptions::default()
            },
            ..Default::default()
        }
    })
}

proptest! {
    #[test]
    fn the_machine_agrees_with_a_naive_model(settings in settings(), steps in vec(step(), 1..300)) {
        let begun = Instant::now();
        let mut machine = Resilience4j::new(settings, begun);
        let mut model = Model {
            timed: settings.sliding_window_type == SlidingWindowType::TimeBased,
            size: settings.sliding_window_size as usize,
            minimum: settings.minimum_number_of_calls as usize,
            automatic: settings.automatic_transition,
            max_wait: settings.max_wait_duration_in_half_open_state.map(|_| 400),
            state: BreakerState::Closed,
            since: 0,
            permits: 0,
            calls: Vec::new(),
        };
        let mut under_way: Vec<(Pass, u64)> = Vec::new();
        let mut now_ms = 0;
        for step in steps {
            let now = begun + Duration::from_millis(now_ms);
            match step {
                Step::Wait(ms) => for _ in 0..ms {
                    now_ms += 1;
                    model.tick(now_ms);
                },
                Step::Begin(calls) => for _ in 0..calls {
                    let pass = machine.admit(now);
                    prop_assert_eq!(pass.is_some(), model.admit(now_ms), "at {} ms", now_ms);
                    under_way.extend(pass.map(|pass| (pass, now_ms)));
                },
                Step::End(_, _) if under_way.is_empty() => {}
                Step::End(n, outcome) => {
                    let (pass, at_ms) = under_way.remove(n % under_way.len());
                    machine.record(now, pass, outcome);
                    model.record(now_ms, at_ms, outcome);
                }
            }
            while machine.advance(begun + Duration::from_millis(now_ms)) {}
            prop_assert_eq!(machine.state(), model.state, "at {} ms", now_ms);
        }
    }
}
