use std::time::Duration;

use proptest::prelude::*;
use squall_reports::history::Name;

use super::{Detector, Finding};
use crate::objects::mesh::OutlierDetection;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn detector(hosts: usize, settings: OutlierDetection) -> Detector {
    let mut detector = Detector::new(Duration::ZERO, Some(settings));
    let names: Vec<Name> = (1..=hosts).map(|n| format!("pay-{n}").into()).collect();
    detector.set_hosts(names.iter());
    detector
}

fn all() -> OutlierDetection {
    OutlierDetection {
        max_ejection_percent: 100,
        ..OutlierDetection::default()
    }
}

/// `times` answers of this status, at one instant.
fn answers(detector: &mut Detector, now: Duration, status: u16, times: u32) -> Vec<Finding> {
    let charges = (0..times).flat_map(|_| detector.charge(now, "pay-1", status));
    charges.collect()
}

/// When the host comes back, by sweeps alone.
fn back(detector: &mut Detector) -> Duration {
    loop {
        let deadline = detector.next_deadline().expect("a host is out");
        if !detector.advance(deadline).is_empty() {
            return deadline;
        }
    }
}

fn ejected() -> Finding {
    Finding::Ejected("pay-1".into())
}

#[test]
fn platform_5_ejected_after_the_fifth_503_back_at_a_sweep_and_twice_as_long_next_time() {
    let mut detector = detector(3, all());
    assert_eq!(answers(&mut detector, ms(12_300), 503, 4), []);
    assert_eq!(answers(&mut detector, ms(12_300), 503, 1), [ejected()]);
    let first = back(&mut detector);
    assert_eq!(first, s(50), "30 s after 12.3 s, at the next sweep");
    assert!(!detector.is_ejected("pay-1"));
    assert_eq!(answers(&mut detector, ms(51_000), 503, 4), []);
    assert_eq!(answers(&mut detector, ms(51_000), 503, 1), [ejected()]);
    let second = back(&mut detector) - s(51);
    assert!(
        (s(60)..=s(70)).contains(&second),
        "the second time: {second:?}"
    );
}

#[test]
fn platform_5_ten_percent_of_two_pods_is_none_and_was_one() {
    let modern = OutlierDetection::default();
    let mut now = detector(2, modern);
    let overflow = || Finding::Overflow("pay-1".into());
    assert_eq!(answers(&mut now, s(1), 503, 4), []);
    assert_eq!(answers(&mut now, s(1), 503, 1), [overflow()]);
    assert_eq!(
        answers(&mut now, s(1), 503, 5),
        [overflow()],
        "from 0 again"
    );
    assert_eq!((now.ejected(), now.next_deadline()), (0, None));

    let legacy = OutlierDetection {
        legacy_first_eject: true,
        ..modern
    };
    let mut formerly = detector(2, legacy);
    assert_eq!(answers(&mut formerly, s(1), 503, 5), [ejected()]);
    let second: Vec<Finding> = (0..5)
        .flat_map(|_| formerly.charge(s(1), "pay-2", 503))
        .collect();
    assert_eq!(second, [Finding::Overflow("pay-2".into())]);
}

#[test]
fn platform_5_gateway_errors_alone_never_eject_a_host_that_answers_500() {
    let capstone = OutlierDetection {
        consecutive_5xx_errors: 0,
        consecutive_gateway_errors: 2,
        ..all()
    };
    let mut detector = detector(1, capstone);
    assert_eq!(answers(&mut detector, s(1), 500, 100), []);
    assert_eq!(answers(&mut detector, s(1), 504, 1), []);
    assert_eq!(answers(&mut detector, s(1), 500, 1), [], "it ends the row");
    assert_eq!(answers(&mut detector, s(1), 502, 2), [ejected()]);
}

#[test]
fn an_answer_that_is_no_error_ends_the_row() {
    let mut detector = detector(1, all());
    for status in [200, 404, 302] {
        assert_eq!(answers(&mut detector, s(1), 500, 4), []);
        assert_eq!(answers(&mut detector, s(1), status, 1), []);
    }
    assert_eq!(answers(&mut detector, s(1), 500, 5), [ejected()]);
    // Answers to what was under way change nothing.
    assert_eq!(answers(&mut detector, s(2), 500, 50), []);
    assert_eq!(back(&mut detector), s(40));
    assert_eq!(answers(&mut detector, s(41), 500, 4), [], "counts are new");
}

#[test]
fn every_healthy_sweep_shortens_the_next_ejection_by_one_base() {
    let mut detector = detector(1, all());
    for _ in 0..3 {
        let now = detector.next_sweep;
        assert_eq!(answers(&mut detector, now, 503, 5), [ejected()]);
        back(&mut detector);
    }
    // Two healthy sweeps: 3 → 1, and the next ejection is the second again.
    let now = detector.next_sweep + s(10);
    assert_eq!(detector.advance(now), []);
    answers(&mut detector, now, 503, 5);
    assert_eq!(back(&mut detector) - now, s(60));
}

#[test]
fn an_ejection_is_never_longer_than_five_minutes() {
    let mut detector = detector(1, all());
    let mut longest = Duration::ZERO;
    for _ in 0..20 {
        let now = detector.next_sweep - s(10);
        answers(&mut detector, now, 503, 5);
        longest = back(&mut detector) - now;
    }
    assert_eq!(longest, s(300));
}

#[test]
fn a_host_that_leaves_is_forgotten_with_its_ejection() {
    let mut detector = detector(1, all());
    answers(&mut detector, s(1), 503, 5);
    assert_eq!(detector.ejected(), 1);
    detector.set_hosts([].into_iter());
    detector.set_hosts(["pay-1".into()].iter());
    assert!(!detector.is_ejected("pay-1"));
    assert_eq!(detector.next_deadline(), None);
}

#[test]
fn an_idle_day_is_one_step() {
    let mut detector = detector(1, all());
    assert_eq!(detector.advance(s(86_400)), []);
    assert_eq!(detector.next_sweep, s(86_410));
}

proptest! {
    /// The modern rule keeps the ejected share within its bound at every moment; the older one
    /// oversteps it by one host at most.
    #[test]
    fn never_more_ejected_than_the_rule_allows(
        hosts in 1_usize..8,
        percent in 0_u32..=120,
        legacy: bool,
        charges in proptest::collection::vec((0_usize..8, 0_u64..4_000, 0_u8..3), 1..300),
    ) {
        let settings = OutlierDetection {
            max_ejection_percent: percent,
            legacy_first_eject: legacy,
            consecutive_5xx_errors: 2,
            ..OutlierDetection::default()
        };
        let mut detector = detector(hosts, settings);
        let mut now = Duration::ZERO;
        for (host, pause, kind) in charges {
            now += ms(pause);
            detector.advance(now);
            let status = [200, 500, 503][usize::from(kind)];
            detector.charge(now, &format!("pay-{}", host + 1), status);
            let bound = percent.min(100) as usize * hosts;
            let slack = if legacy { 100 } else { 0 };
            prop_assert!(100 * detector.ejected() <= bound + slack);
            prop_assert_eq!(detector.next_deadline().is_some(), detector.ejected() > 0);
        }
    }
}
