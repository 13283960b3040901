//! The shop's breaker by resilience4j's rules, chosen by settings alone, in a whole run.

use std::time::Duration;

use squall::{catalogue, runner};
use squall_reports::{
    check::Verdict,
    history::{
        BreakerState::{Closed, HalfOpen, Open},
        CallOutcome,
    },
    sla::{Breaker, HystrixRules, Resilience4jRules, Rules, Sla},
};
use squall_sim::{
    manifest::{Operation, Patch},
    simulation::EngineKind,
};

const ENV: &str = "/spec/template/spec/containers/0/env/-";

const RESILIENCE4J: &[Operation] = &[
    Operation::add(ENV, r#"{"name": "breaker.pay", "value": "resilience4j"}"#),
    Operation::add(
        ENV,
        r#"{"name": "resilience4j.circuitbreaker.instances.pay.slidingWindowSize", "value": "20"}"#,
    ),
    Operation::add(
        ENV,
        r#"{"name": "resilience4j.circuitbreaker.instances.pay.waitDurationInOpenState",
            "value": "5s"}"#,
    ),
    Operation::add(
        ENV,
        r#"{"value": "BadRequest",
            "name": "resilience4j.circuitbreaker.instances.pay.ignoreExceptions"}"#,
    ),
    Operation::add(
        ENV,
        r#"{"value": "3", "name":
            "resilience4j.circuitbreaker.instances.pay.permittedNumberOfCallsInHalfOpenState"}"#,
    ),
];

fn breaker(rules: Rules) -> Breaker {
    Breaker {
        breaker: "pay".into(),
        target: "pay:8080".into(),
        rules,
        expected: vec![(Closed, Open), (Open, HalfOpen), (HalfOpen, Closed)],
    }
}

#[test]
fn a_setting_makes_the_shops_breaker_follow_resilience4j() {
    let mut scenario = catalogue::find("shop/pay-outage").expect("it is in the catalogue");
    let patch = Patch::edit("Deployment/order", RESILIENCE4J);
    scenario.cluster.patches.push(patch);
    let run = runner::run(&scenario, 1, EngineKind::Events);
    let rules = Resilience4jRules {
        window_size: 20,
        open_wait: Duration::from_secs(5),
        half_open_calls: 3,
        ignored: vec![CallOutcome::BadRequest],
        ..Resilience4jRules::default()
    };
    let check = breaker(Rules::Resilience4j(rules)).judge(&run.history);
    assert_eq!(check.verdict, Verdict::Pass, "{check:?}");
    let check = breaker(Rules::Hystrix(HystrixRules::default())).judge(&run.history);
    assert_eq!(check.verdict, Verdict::Fail, "it is another machine");
}
