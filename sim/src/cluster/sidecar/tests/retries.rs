//! Retries, timeouts, faults, and the flags that tell of them.

use std::{io, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes},
    routing::get,
};
use futures_util::{StreamExt, stream};
use http::StatusCode;
use squall_kit::net::client::CallError;
use squall_reports::history::SidecarAct;
use tokio::time::sleep;

use super::{
    bad, good, slow,
    town::{Town, limited, ms, route},
};
use crate::{
    cluster::sidecar::NEVER_SENT,
    engine::World,
    objects::mesh::{ConnectionPool, RetryOn, RetryPolicy, VirtualService},
};

const PAY: &str = "pay:80";

fn flags(answers: &[(&str, u16)]) -> Vec<(String, u16)> {
    let answers = answers.iter();
    answers.map(|(flag, s)| ((*flag).to_owned(), *s)).collect()
}

fn retrying(attempts: u32, retry_on: RetryOn) -> RetryPolicy {
    RetryPolicy {
        attempts,
        per_try_timeout: None,
        retry_on: vec![retry_on],
    }
}

fn told(town: &Town, route: VirtualService) {
    town.tell(|told| told.route = Some(Arc::new(route)));
}

#[test]
fn platform_5_a_refused_connect_is_tried_elsewhere_without_any_configuration() {
    let mut town = Town::new();
    town.dead_pod("pay-1");
    town.pod("pay-2", good());
    town.call(PAY, (0..100).map(|n| n * 500));
    town.pass(60_000);
    assert_eq!(town.statuses(), [200; 100]);
    let acts = town.acts();
    let refused = SidecarAct::Retried {
        reason: "UF".into(),
    };
    assert!(acts.len() > 20 && acts.iter().all(|(_, did)| *did == refused));
}

#[test]
fn when_every_try_is_refused_nothing_was_ever_sent() {
    let mut town = Town::new();
    town.dead_pod("pay-1");
    town.call(PAY, [0]);
    town.pass(1_000);
    let calls = town.calls();
    assert_eq!(calls[0].status(), 503);
    assert_eq!(
        calls[0].body(),
        "upstream connect error or disconnect/reset before headers. retried and the latest reset \
         reason: connection failure"
    );
    assert_eq!(calls[0].header(NEVER_SENT), Some("UF,URX"));
    assert_eq!(calls[0].header("x-envoy-overloaded"), None);
    assert!(
        calls[0].took() < ms(25 + 50 + 6),
        "three connects, two back-offs"
    );
    assert_eq!(town.own_answers(), flags(&[("UF,URX", 503)]));
}

#[test]
fn a_connect_that_hangs_ends_with_its_timeout() {
    let mut town = Town::new();
    let pod = town.pod("pay-1", good());
    town.world.power_loss(pod);
    town.tell(|told| {
        told.rule = limited(ConnectionPool {
            connect_timeout: ms(1_000),
            ..ConnectionPool::default()
        });
    });
    told(
        &town,
        VirtualService {
            retries: retrying(0, RetryOn::ConnectFailure),
            ..route()
        },
    );
    town.call(PAY, [0]);
    town.pass(5_000);
    let calls = town.calls();
    assert_eq!((calls[0].status(), calls[0].took()), (503, ms(1_000)));
    assert!(
        calls[0]
            .body()
            .ends_with("reset reason: connection timeout")
    );
    assert_eq!(town.own_answers(), flags(&[("UF", 503)]));
}

#[test]
fn platform_5_the_routes_timeout_includes_its_retries() {
    let mut town = Town::new();
    town.pod("pay-1", slow(60_000));
    told(
        &town,
        VirtualService {
            timeout: Some(ms(1_000)),
            retries: RetryPolicy {
                per_try_timeout: Some(ms(300)),
                ..retrying(10, RetryOn::Reset)
            },
            ..route()
        },
    );
    town.call(PAY, [0]);
    town.pass(5_000);
    let calls = town.calls();
    assert_eq!((calls[0].status(), calls[0].took()), (504, ms(1_000)));
    assert_eq!(calls[0].body(), "upstream request timeout");
    assert_eq!(calls[0].header(NEVER_SENT), None, "it was");
    assert!((3..=4).contains(&town.tally.requests("pay-1")));
    assert_eq!(town.own_answers(), flags(&[("UT", 504)]));
}

#[test]
fn a_503_is_tried_on_another_pod_if_the_route_says_so() {
    let mut town = Town::new();
    town.pod("pay-1", bad(StatusCode::SERVICE_UNAVAILABLE));
    town.pod("pay-2", good());
    town.call(PAY, (0..20).map(|n| n * 500));
    town.pass(20_000);
    let failed = town.statuses().into_iter().filter(|s| *s == 503);
    assert!(failed.count() > 2, "not by default");
    assert_eq!(town.acts(), []);
    told(
        &town,
        VirtualService {
            retries: retrying(2, RetryOn::Status(503)),
            ..route()
        },
    );
    town.call(PAY, (0..20).map(|n| n * 500));
    town.pass(20_000);
    assert_eq!(town.statuses(), [200; 20]);
}

#[test]
fn what_is_not_tried_again_says_why() {
    let mut town = Town::new();
    town.pod("pay-1", bad(StatusCode::SERVICE_UNAVAILABLE));
    told(
        &town,
        VirtualService {
            retries: retrying(1, RetryOn::ServerError),
            ..route()
        },
    );
    town.call(PAY, [0]);
    town.pass(1_000);
    assert_eq!(town.statuses(), [503]);
    let acts: Vec<SidecarAct> = town.acts().into_iter().map(|(_, did)| did).collect();
    let (reason, flag) = ("503".into(), "URX".into());
    assert_eq!(
        acts,
        [
            SidecarAct::Retried { reason },
            SidecarAct::NotRetried { flag }
        ]
    );
    assert_eq!(town.tally.requests("pay-1"), 2);
}

#[test]
fn parallel_retries_are_bounded() {
    let mut town = Town::new();
    town.pod("pay-1", bad(StatusCode::SERVICE_UNAVAILABLE));
    town.tell(|told| {
        told.rule = limited(ConnectionPool {
            max_retries: Some(1),
            ..ConnectionPool::default()
        });
    });
    told(
        &town,
        VirtualService {
            retries: retrying(1, RetryOn::ServerError),
            ..route()
        },
    );
    town.call(PAY, [0, 0, 0]);
    town.pass(1_000);
    assert_eq!(town.statuses(), [503; 3]);
    let flags = town.acts().into_iter().filter_map(|(_, did)| match did {
        SidecarAct::NotRetried { flag } => Some(flag.to_string()),
        _ => None,
    });
    assert_eq!(flags.collect::<Vec<_>>(), ["UO", "UO", "URX"]);
    assert_eq!(town.tally.requests("pay-1"), 4);
}

#[test]
fn a_pod_that_dies_with_the_request_is_uc_and_may_have_done_it() {
    let mut town = Town::new();
    let pod = town.pod("pay-1", slow(1_000));
    town.call(PAY, [0]);
    town.pass(500);
    town.world.kill(pod);
    town.pass(500);
    let calls = town.calls();
    assert_eq!(calls[0].status(), 503);
    assert!(calls[0].body().ends_with("connection termination"));
    assert_eq!(calls[0].header(NEVER_SENT), None);
    assert_eq!(town.own_answers(), flags(&[("UC", 503)]));
}

#[test]
fn a_sent_request_stays_sent_when_its_retry_finds_nobody() {
    let mut town = Town::new();
    let pod = town.pod("pay-1", slow(1_000));
    told(
        &town,
        VirtualService {
            retries: retrying(5, RetryOn::Reset),
            ..route()
        },
    );
    town.call(PAY, [0]);
    town.pass(500);
    town.tell(|told| told.pods.clear());
    town.world.kill(pod);
    town.pass(1_000);
    let calls = town.calls();
    assert_eq!(calls[0].body(), "no healthy upstream");
    assert_eq!(calls[0].header(NEVER_SENT), None);
}

#[test]
fn an_answer_that_breaks_off_is_cut() {
    let mut town = Town::new();
    let half = || async {
        let first = stream::once(async { Ok(Bytes::from_static(b"half")) });
        let second = stream::once(async {
            sleep(ms(100)).await;
            Err(io::Error::other("gone"))
        });
        Body::from_stream(first.chain(second))
    };
    town.pod("pay-1", Router::new().route("/", get(half)));
    town.call(PAY, [0]);
    town.pass(1_000);
    let calls = town.calls();
    let result = &calls[0].result;
    assert!(matches!(result, Err(CallError::Unknown(_))), "{result:?}");
    assert_eq!(town.own_answers(), flags(&[("UC", 200)]));
}

#[test]
fn faults_delay_and_abort() {
    let mut town = Town::new();
    town.pod("pay-1", good());
    let delayed = VirtualService {
        delay: Some((ms(2_000), 100.0)),
        timeout: Some(ms(1_000)),
        ..route()
    };
    told(&town, delayed.clone());
    town.call(PAY, [0]);
    town.pass(5_000);
    let calls = town.calls();
    assert_eq!(
        (calls[0].status(), calls[0].took()),
        (200, ms(2_004)),
        "the route's time begins after the delay"
    );
    told(
        &town,
        VirtualService {
            abort: Some((418, 100.0)),
            ..delayed
        },
    );
    town.call(PAY, [0]);
    town.pass(5_000);
    let calls = town.calls();
    assert_eq!((calls[0].status(), calls[0].took()), (418, ms(2_000)));
    assert_eq!(calls[0].body(), "fault filter abort");
    assert_eq!(calls[0].header(NEVER_SENT), Some("DI,FI"));
    assert_eq!(town.tally.requests("pay-1"), 1);
    assert_eq!(town.own_answers(), flags(&[("DI,FI", 418)]));
}
