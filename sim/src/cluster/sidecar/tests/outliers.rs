//! Hosts that are left out for a while.

use http::StatusCode;
use squall_reports::history::SidecarAct;

use super::{
    bad, good, secs,
    town::{Town, detecting, ms},
};
use crate::objects::mesh::OutlierDetection;

const PAY: &str = "pay:80";

/// Everybody may be ejected.
fn all() -> OutlierDetection {
    OutlierDetection {
        max_ejection_percent: 100,
        ..OutlierDetection::default()
    }
}

#[test]
fn platform_5_a_pod_that_always_answers_503_is_ejected_comes_back_and_is_ejected_for_longer() {
    let mut town = Town::new();
    town.pod("pay-1", bad(StatusCode::SERVICE_UNAVAILABLE));
    town.pod("pay-2", good());
    town.pod("pay-3", good());
    town.tell(|told| told.rule = detecting(all()));
    town.call(PAY, (0..1_300).map(|n| n * 100));
    town.pass(140_000);
    let statuses = town.statuses();
    let failed = statuses.iter().filter(|status| **status == 503).count();
    let acts = town.acts();
    let ejected: Vec<f64> = times(&acts, |did| matches!(did, SidecarAct::Ejected { .. }));
    let back: Vec<f64> = times(&acts, |did| matches!(did, SidecarAct::Readmitted { .. }));
    assert_eq!((ejected.len(), back.len()), (3, 2), "{acts:?}");
    let [first, second] = [back[0] - ejected[0], back[1] - ejected[1]];
    assert!((30.0..=40.0).contains(&first), "{first}");
    assert!((60.0..=70.0).contains(&second), "{second}");
    assert_eq!(failed, 3 * 5, "after each fifth 503 it is left out");
    assert_eq!(town.tally.requests("pay-1"), 15);
}

fn times(
    acts: &[(std::time::Duration, SidecarAct)],
    wanted: impl Fn(&SidecarAct) -> bool,
) -> Vec<f64> {
    let acts = acts.iter().filter(|(_, did)| wanted(did));
    acts.map(|(at, _)| secs(*at)).collect()
}

#[test]
fn without_the_rule_it_goes_on_failing() {
    let mut town = Town::new();
    town.pod("pay-1", bad(StatusCode::SERVICE_UNAVAILABLE));
    town.pod("pay-2", good());
    town.pod("pay-3", good());
    town.tell(|told| told.rule = Some(super::town::rule().into()));
    town.call(PAY, (0..300).map(|n| n * 100));
    town.pass(60_000);
    let failed = town.statuses().into_iter().filter(|s| *s == 503);
    assert_eq!(failed.count(), 100, "every third, by round robin");
    assert_eq!(town.acts(), []);
}

#[test]
fn when_all_are_out_nobody_is_asked() {
    let mut town = Town::new();
    town.pod("pay-1", bad(StatusCode::INTERNAL_SERVER_ERROR));
    town.tell(|told| told.rule = detecting(all()));
    town.call(PAY, (0..7).map(|n| n * 100));
    town.pass(1_000);
    let calls = town.calls();
    let statuses: Vec<u16> = calls.iter().map(super::town::Called::status).collect();
    assert_eq!(statuses, [500, 500, 500, 500, 500, 503, 503]);
    assert_eq!(calls[5].body(), "no healthy upstream");
    assert_eq!(calls[5].took(), ms(0));
    let uh = ("UH".to_owned(), 503);
    assert_eq!(town.own_answers(), [uh.clone(), uh]);
}

#[test]
fn the_default_share_of_two_pods_is_nobody() {
    let mut town = Town::new();
    town.pod("pay-1", bad(StatusCode::SERVICE_UNAVAILABLE));
    town.pod("pay-2", good());
    town.tell(|told| told.rule = detecting(OutlierDetection::default()));
    town.call(PAY, (0..20).map(|n| n * 100));
    town.pass(3_000);
    let acts = town.acts();
    let overflows = acts.iter();
    let pod: squall_reports::history::Name = "pay-1".into();
    let overflow = SidecarAct::EjectionOverflow { pod };
    let overflows = overflows.filter(|(_, did)| *did == overflow).count();
    assert_eq!((acts.len(), overflows), (2, 2), "at its 5th and 10th 503");
    assert_eq!(town.tally.requests("pay-1"), 10);
}

#[test]
fn a_pod_that_refuses_connections_is_ejected_too() {
    let mut town = Town::new();
    town.dead_pod("pay-1");
    town.pod("pay-2", good());
    town.tell(|told| told.rule = detecting(all()));
    town.call(PAY, (0..50).map(|n| n * 100));
    town.pass(10_000);
    assert_eq!(
        town.statuses(),
        [200; 50],
        "retries hide it from the caller"
    );
    let acts = town.acts();
    let retried = times(&acts, |did| matches!(did, SidecarAct::Retried { .. }));
    let ejected = times(&acts, |did| matches!(did, SidecarAct::Ejected { .. }));
    assert_eq!((retried.len(), ejected.len()), (5, 1));
}
