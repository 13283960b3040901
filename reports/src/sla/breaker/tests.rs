//! Platform §6's rules, each broken once by hand.

use std::time::Duration;

use CallOutcome::{BadRequest, Cancelled, Failure, Rejected, Success};

use super::*;
use crate::{
    hand::Hand,
    history::{CallOutcome, PodPhase},
};

fn promise(rules: Rules) -> Breaker {
    Breaker {
        breaker: "pay".into(),
        target: "pay:8080".into(),
        rules,
        expected: vec![(Closed, Open), (Open, HalfOpen), (HalfOpen, Closed)],
    }
}

fn hystrix() -> Rules {
    Rules::Hystrix(HystrixRules::default())
}

/// Three calls decide, one probe more than Hystrix has.
fn resilience4j() -> Rules {
    Rules::Resilience4j(Resilience4jRules {
        minimum_calls: 3,
        open_wait: Duration::from_secs(5),
        half_open_calls: 2,
        ignored: vec![BadRequest],
        ..Resilience4jRules::default()
    })
}

fn made() -> Hand {
    Hand::new().on("order-1").breaker_made()
}

/// Opens at 1 s, by Hystrix's rules.
fn opened() -> Hand {
    let failing = made().at(900).calls(1..21, Failure);
    failing
        .at(1_000)
        .breaker(Closed, Open)
        .at(1_500)
        .refused_by_breaker()
}

/// Opens at 0.9 s, by resilience4j's.
fn tripped() -> Hand {
    made().at(900).calls(1..4, Failure).breaker(Closed, Open)
}

fn only_finding(rules: Rules, hand: Hand) -> String {
    let check = promise(rules).judge(&hand.history());
    let seen = (check.verdict, check.evidence.len());
    assert_eq!(seen, (Verdict::Fail, 1), "{check:?}");
    check.evidence.concat()
}

fn assert_conforms(rules: Rules, hand: Hand) {
    let mut promise = promise(rules);
    promise.expected.clear();
    let check = promise.judge(&hand.history());
    assert_eq!(check.verdict, Verdict::Pass, "{check:?}");
}

#[test]
fn passes_a_whole_cycle() {
    let hand = opened()
        .at_us(6_000_001)
        .breaker(Open, HalfOpen)
        .passed(21)
        .at(6_050)
        .refused_by_breaker()
        .at(6_100)
        .ended(21, Success)
        .breaker(HalfOpen, Closed)
        .at(7_000)
        .calls(22..30, Success);
    let check = promise(hystrix()).judge(&hand.history());
    assert_eq!(check.verdict, Verdict::Pass, "{check:?}");
    assert_eq!(
        check.observed,
        "1× closed → open, 1× open → half open, 1× half open → closed"
    );
}

#[test]
fn a_breaker_that_never_opens_fails() {
    let line = only_finding(
        hystrix(),
        made().at(900).calls(1..22, Failure).at(1_500).passed(22),
    );
    assert_eq!(
        line,
        "order-1 at 1.500000 s: closed → open at 1.000000 s (21 errors of 21 calls, 100 %) was due \
         and never came"
    );
    let idle = made()
        .at(900)
        .calls(1..21, Failure)
        .at(9_000)
        .note("the end");
    let line = only_finding(hystrix(), idle);
    assert!(
        line.starts_with("order-1 at the end: closed → open"),
        "{line}"
    );
    let line = only_finding(resilience4j(), made().at(900).calls(1..5, Failure));
    assert!(line.contains("3 of 3 calls failed"), "{line}");
}

#[test]
fn what_was_due_when_the_process_ended_is_forgiven() {
    let (deployment, reason) = (Name::from("order"), "killed".to_owned());
    let phase = PodPhase::Killed;
    let killed = What::Pod {
        deployment,
        phase,
        reason,
    };
    let hand = made().at(900).calls(1..21, Failure).at(950).add(killed);
    assert_conforms(hystrix(), hand.at(60_000).note("the end"));
}

#[test]
fn a_breaker_that_opens_without_cause_fails() {
    let line = only_finding(
        hystrix(),
        made().calls(1..20, Failure).at(500).breaker(Closed, Open),
    );
    assert_eq!(line, "order-1 at 0.500000 s: closed → open without cause");
    // 9 of 19 failed calls after the minimum of 3 are below one half.
    let hand = made().calls(1..3, Success).calls(3..4, Failure);
    let line = only_finding(resilience4j(), hand.breaker(Closed, Open));
    assert!(line.ends_with("without cause"), "{line}");
}

#[test]
fn a_call_that_passes_an_open_breaker_fails() {
    let line = only_finding(hystrix(), opened().passed(21));
    assert_eq!(
        line,
        "order-1 at 1.500000 s: call 21 passed while open (since 1.000000 s)"
    );
    let line = only_finding(hystrix(), opened().at(7_000).passed(21));
    assert!(line.contains("passed without half-opening"), "{line}");
    let line = only_finding(hystrix(), opened().call_sent("pay:8080"));
    assert_eq!(
        line,
        "order-1 at 1.500000 s: a request past the breaker, open since 1.000000 s, to pay:8080"
    );
}

#[test]
fn a_pass_given_in_time_may_be_used_late_but_once() {
    let late = || {
        let waiting = made().at(800).admitted(99).at(900).calls(1..21, Failure);
        waiting
            .at(1_000)
            .breaker(Closed, Open)
            .at(3_000)
            .sent_on(99)
    };
    assert_conforms(hystrix(), late());
    let line = only_finding(hystrix(), late().sent_on(99));
    assert!(line.contains("request 2 on one pass, while open"), "{line}");
}

#[test]
fn one_probe_too_many_fails_and_each_library_has_its_own_number() {
    let hand = opened().at(6_001).breaker(Open, HalfOpen).passed(21);
    let line = only_finding(hystrix(), hand.passed(22));
    assert!(
        line.contains("call 22 passed as one probe too many"),
        "{line}"
    );
    let two = || {
        tripped()
            .at(6_000)
            .breaker(Open, HalfOpen)
            .passed(4)
            .passed(5)
    };
    assert_conforms(resilience4j(), two().refused_by_breaker());
    let line = only_finding(resilience4j(), two().passed(6));
    assert!(
        line.contains("call 6 passed as one probe too many"),
        "{line}"
    );
}

#[test]
fn a_breaker_that_never_half_opens_fails() {
    let line = only_finding(hystrix(), opened().at(6_001).refused_by_breaker());
    assert_eq!(
        line,
        "order-1 at 6.001000 s: a call was refused, not made the probe: open since 1.000000 s"
    );
    assert_conforms(hystrix(), opened().at(6_000).refused_by_breaker());
}

#[test]
fn half_opening_at_the_very_end_of_the_sleep_window_is_too_early() {
    let line = only_finding(hystrix(), opened().at(6_000).breaker(Open, HalfOpen));
    assert!(line.ends_with("after only 5.000000 s open"), "{line}");
    let Rules::Resilience4j(rules) = resilience4j() else {
        unreachable!("it is resilience4j")
    };
    let automatic = Rules::Resilience4j(Resilience4jRules {
        automatic: true,
        ..rules
    });
    let hand = tripped().at(5_900).breaker(Open, HalfOpen);
    assert_conforms(automatic, hand);
}

#[test]
fn a_failed_probe_opens_again_and_the_sleep_begins_anew() {
    let failed = || {
        opened()
            .at(6_001)
            .breaker(Open, HalfOpen)
            .passed(21)
            .at(7_000)
            .ended(21, Failure)
    };
    assert_conforms(hystrix(), failed().breaker(HalfOpen, Open));
    let line = only_finding(hystrix(), failed().breaker(HalfOpen, Closed));
    assert!(line.contains("half open → closed, where half open → open at 7.000000 s"));
    let early = failed().breaker(HalfOpen, Open).at(12_000);
    let line = only_finding(hystrix(), early.breaker(Open, HalfOpen));
    assert!(line.ends_with("after only 5.000000 s open"), "{line}");
    let line = only_finding(hystrix(), failed().at(7_100).refused_by_breaker());
    assert!(line.contains("half open → open at 7.000000 s (the probe did not succeed) was due"));
}

#[test]
fn a_half_open_breaker_whose_probes_are_lost_never_recovers() {
    let lost = || {
        tripped()
            .at(6_000)
            .breaker(Open, HalfOpen)
            .passed(4)
            .passed(5)
    };
    assert_conforms(resilience4j(), lost().at(60_000).refused_by_breaker());
    let line = only_finding(resilience4j(), lost().at(70_000).refused_by_breaker());
    assert_eq!(
        line,
        "order-1 at the end: half open since 6.000000 s, and no probe has a result: it never \
         recovers"
    );
    // Ignored results give their permits back: it is not stuck, and must pass the next call.
    let ignored = tripped()
        .at(6_000)
        .breaker(Open, HalfOpen)
        .calls(4..6, BadRequest);
    let line = only_finding(resilience4j(), ignored.refused_by_breaker());
    assert!(line.contains("refused while half open"), "{line}");
    // Hystrix#1781: the rejected probe opens nothing, and closes nothing.
    let rejected = opened()
        .at(6_001)
        .breaker(Open, HalfOpen)
        .admitted(21)
        .ended(21, Rejected);
    let line = only_finding(hystrix(), rejected.at(70_000).refused_by_breaker());
    assert!(line.contains("half open → open at 6.001000 s"), "{line}");
}

#[test]
fn a_cancelled_call_counts_nowhere_and_a_cancelled_probe_gives_its_pass_back() {
    let gone = || made().at(900).calls(1..100, Cancelled);
    assert_conforms(hystrix(), gone().at(60_000).note("the end"));
    assert_conforms(resilience4j(), gone());
    let line = only_finding(hystrix(), gone().at(1_000).breaker(Closed, Open));
    assert!(line.ends_with("closed → open without cause"), "{line}");
    let probing = opened().at(6_001).breaker(Open, HalfOpen).passed(21);
    let gone = probing.at(6_100).ended(21, Cancelled);
    assert_conforms(hystrix(), gone.breaker(HalfOpen, Open));
    let probing = tripped().at(6_000).breaker(Open, HalfOpen).passed(4);
    let gone = probing.ended(4, Cancelled).passed(5).passed(6);
    assert_conforms(resilience4j(), gone.refused_by_breaker());
}

#[test]
fn illegal_steps_are_named() {
    let line = only_finding(hystrix(), opened().breaker(Open, Closed));
    assert!(line.ends_with("open → closed is no step"), "{line}");
    let line = only_finding(hystrix(), opened().at(9_000).breaker(HalfOpen, Open));
    assert!(line.ends_with("half open → open while open"), "{line}");
}

#[test]
fn several_results_decide_together_where_several_probes_pass() {
    let probing = || {
        tripped()
            .at(6_000)
            .breaker(Open, HalfOpen)
            .passed(4)
            .passed(5)
    };
    let one_ended = probing().at(6_100).ended(4, Success);
    let line = only_finding(resilience4j(), one_ended.breaker(HalfOpen, Closed));
    assert!(line.ends_with("half open → closed without cause"), "{line}");
    let both = probing().at(6_100).ended(4, Success).ended(5, Success);
    assert_conforms(resilience4j(), both.breaker(HalfOpen, Closed));
}

#[test]
fn other_hosts_may_call_as_they_like_and_a_new_process_begins_closed() {
    assert_conforms(hystrix(), opened().on("gateway-1").call_sent("pay:8080"));
    assert_conforms(hystrix(), opened().breaker_made().calls(1..2, Success));
    let unmade = Hand::new().on("order-1").passed(1);
    let check = promise(hystrix()).judge(&unmade.history());
    assert_eq!(check.verdict, Verdict::Fail);
}

#[test]
fn is_vacuous_when_an_expected_transition_never_came_and_was_not_called_for() {
    let check = promise(hystrix()).judge(&opened().history());
    assert_eq!(check.verdict, Verdict::Vacuous);
    assert_eq!(check.observed, "1× closed → open");
    assert_eq!(
        check.evidence,
        ["never seen: open → half open, half open → closed"]
    );
    let mut nothing_expected = promise(hystrix());
    nothing_expected.expected.clear();
    for unused in [Hand::new(), made()] {
        let check = nothing_expected.judge(&unused.history());
        assert_eq!(check.verdict, Verdict::Vacuous, "{check:?}");
    }
}

#[test]
fn buckets_begin_when_the_breaker_was_made_also_before_the_runs_start() {
    let made_early = What::BreakerMade {
        breaker: "pay".into(),
        before_us: 1_554_000,
    };
    let hand = Hand::new().on("order-1").add(made_early).at(300);
    let hand = hand.calls(1..21, Failure).at(446).breaker(Closed, Open);
    assert_conforms(hystrix(), hand.at(447).refused_by_breaker());
}
