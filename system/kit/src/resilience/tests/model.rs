//! A naive model of the same rules: it remembers every call and counts afresh at every tick.

use std::time::Duration;

use proptest::{
    collection::vec, prelude::Strategy, prop_assert_eq, prop_oneof, proptest, strategy::Just,
};
use tokio::time::Instant;

use crate::{
    resilience::{
        hystrix::Hystrix,
        machine::{Machine, Pass},
        settings::HystrixSettings,
    },
    signal::{BreakerState, CallOutcome},
};

/// Everything in milliseconds since the start, and in the default settings written out.
struct Model {
    state: BreakerState,
    opened_at: u64,
    /// Where the counts began: at the start, and again with every closing.
    counts_from: u64,
    /// (time, is an error) of every counted call.
    calls: Vec<(u64, bool)>,
    last_tick: u64,
}

impl Model {
    fn new() -> Self {
        let calls = Vec::new();
        Self {
            state: BreakerState::Closed,
            opened_at: 0,
            counts_from: 0,
            calls,
            last_tick: 0,
        }
    }

    fn advance(&mut self, now: u64) {
        for tick in self.last_tick + 1..=now {
            if (tick - self.counts_from).is_multiple_of(500) {
                // A call at the very end of a bucket belongs to the next one.
                let from = tick.saturating_sub(10_000).max(self.counts_from);
                let window = self
                    .calls
                    .iter()
                    .filter(|(at, _)| (from..tick).contains(at));
                let total = window.clone().count();
                let errors = window.filter(|(_, error)| *error).count();
                let open = total >= 20 && errors * 100 / total >= 50;
                if open && self.state == BreakerState::Closed {
                    self.state = BreakerState::Open;
                    self.opened_at = tick;
                }
            }
        }
        self.last_tick = now;
    }

    /// `Some(is the probe)`.
    fn admit(&mut self, now: u64) -> Option<bool> {
        match self.state {
            BreakerState::Closed => Some(false),
            BreakerState::Open if now > self.opened_at + 5_000 => {
                self.state = BreakerState::HalfOpen;
                Some(true)
            }
            BreakerState::Open | BreakerState::HalfOpen => None,
        }
    }

    fn record(&mut self, now: u64, probe: bool, outcome: CallOutcome) {
        let good = outcome == CallOutcome::Success;
        if !matches!(outcome, CallOutcome::BadRequest | CallOutcome::Cancelled) {
            self.calls.push((now, !good));
        }
        if probe && good {
            self.state = BreakerState::Closed;
            self.counts_from = now;
            self.calls.clear();
        } else if probe {
            self.state = BreakerState::Open;
            self.opened_at = now;
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
    let long_wait = prop_oneof![Just(500_u64), Just(5_000), Just(5_001), 0_u64..12_000];
    let outcome = prop_oneof![
        4 => Just(CallOutcome::Failure),
        1 => Just(CallOutcome::Timeout),
        1 => Just(CallOutcome::Rejected),
        5 => Just(CallOutcome::Success),
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

proptest! {
    #[test]
    fn the_machine_agrees_with_a_naive_model(steps in vec(step(), 1..400)) {
        let begun = Instant::now();
        let mut machine = Hystrix::new(HystrixSettings::default(), begun);
        let mut model = Model::new();
        let mut under_way: Vec<(Pass, bool)> = Vec::new();
        let mut now_ms = 0;
        for step in steps {
            let now = begun + Duration::from_millis(now_ms);
            match step {
                Step::Wait(ms) => now_ms += ms,
                Step::Begin(calls) => for _ in 0..calls {
                    let pass = machine.admit(now);
                    let expected = model.admit(now_ms);
                    prop_assert_eq!(pass.as_ref().map(|pass| pass.probe), expected);
                    under_way.extend(pass.zip(expected));
                },
                Step::End(_, _) if under_way.is_empty() => {}
                Step::End(n, outcome) => {
                    let (pass, probe) = under_way.remove(n % under_way.len());
                    machine.record(now, pass, outcome);
                    model.record(now_ms, probe, outcome);
                }
            }
            while machine.advance(begun + Duration::from_millis(now_ms)) {}
            model.advance(now_ms);
            prop_assert_eq!(machine.state(), model.state, "at {} ms", now_ms);
        }
    }
}
