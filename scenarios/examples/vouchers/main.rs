//! Services that are not ours, under faults, with public API alone. `cargo test --example vouchers`
//! judges them; `cargo run --example vouchers --` is a `squall` command for them: `list`, `run
//! --seeds 20`, `explore`, `serve vouchers`.
//!
//! [`service`] came from elsewhere, [`numbers`] is a check of one's own; this is all the rest.

mod numbers;
mod service;

use std::process::ExitCode;

use numbers::Numbers;
use squall::prelude::*;

const SYSTEM: System = System::plain(
    "vouchers",
    &[
        Context::new("vouchers", 9001, |pod| Box::pin(service::vouchers(pod))),
        Context::new("desk", 9002, |pod| Box::pin(service::desk(pod))),
    ],
);
const ASK: Request = Request::post("desk:8080", "/vouchers");
const CUSTOMERS: &[Share] = &[Share::one("customer", &[Step::Request(ASK)])];

fn weather() -> Scenario {
    Scenario {
        name: "vouchers/weather",
        claim: "Whatever is lost on the way, nobody's number is another's and none is burnt.",
        cluster: Cluster::new(&SYSTEM, []).replicas("desk", 2),
        loads: vec![Load::steady(
            "customers",
            5.0,
            Duration::from_secs(60),
            CUSTOMERS,
        )],
        faults: vec![
            Kind::lost_reply("vouchers", "desk").at(Moment::call_sent("desk", "vouchers"), 10),
            Kind::partition("desk", "vouchers")
                .at_ms(15_000)
                .for_ms(4_000),
            Kind::kill("desk/1").at_ms(35_000),
        ],
        safety: Duration::from_secs(70),
        settle: Duration::from_secs(30),
        sla: vec![
            Box::new(Numbers),
            Box::new(Availability {
                requests: Requests::to("POST", "/vouchers"),
                window: Window::Run,
                good: Good::Ok,
                at_least_percent: 95.0,
            }),
        ],
        invariants: Vec::new(),
        documented: None,
    }
}

/// For `explore`, which also does what `weather` does not: see what it finds.
const ARENA: Arena = Arena {
    claim: "Whatever strikes them, nobody's number is another's and none is burnt.",
    journeys: CUSTOMERS,
    aftermath: &[Share::one(
        "last customer",
        &[Step::Request(ASK.expecting(&[Answer::Status(201)]))],
    )],
    replicas: &[("desk", 2)],
    invariants: || vec![Box::new(Numbers)],
    ..Arena::plain("vouchers/explore", &SYSTEM)
};

const REGISTRY: Registry = Registry {
    path: "crate::REGISTRY",
    systems: &[SYSTEM],
    scenarios: || vec![weather()],
    years: Vec::new,
    arenas: || vec![ARENA],
};

fn main() -> ExitCode {
    squall::command::main(&REGISTRY)
}

#[test]
fn nobodys_number_is_anothers_in_any_weather() {
    runner::assert_passes(&weather(), 1..=5);
}
