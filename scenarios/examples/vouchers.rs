//! A service that is not ours, under faults: `cargo run --example vouchers`, and in `cargo test`.
//!
//! `desk` takes requests and asks `vouchers` for a number, again when it hears nothing. The first
//! half is the services: axum, and a [`Pod`] instead of sockets and `tokio::spawn`. The second half
//! is the experiment. Nothing here is anything but public API.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, Method, StatusCode, header::LOCATION},
    response::IntoResponse,
    routing::post,
};
use squall::{
    runner,
    scenario::Scenario,
    system::{Cluster, Context, System},
};
use squall_chaos::fault::{Direction, Fault, Kind, Moment, Start};
use squall_kit::{
    Error, Pod,
    net::{
        call::{Call, IDEMPOTENCY_KEY},
        client::ClientSettings,
    },
};
use squall_reports::{
    check::{Check, Findings},
    history::{History, Outcome},
    requests::Requests,
    sla::{Availability, Good, Sla},
    table,
    window::Window,
};
use squall_sim::{
    load::{Journey, Load, Request, Share, Step},
    manifest::{Operation, Patch},
    simulation::EngineKind,
};

// --- The services ---

type Given = Arc<Mutex<BTreeMap<String, usize>>>;

/// Gives numbers; the same key gets the same number again.
async fn give(State(given): State<Given>, headers: HeaderMap) -> Result<String, StatusCode> {
    let key = headers
        .get(IDEMPOTENCY_KEY)
        .and_then(|key| key.to_str().ok());
    let key = key.ok_or(StatusCode::BAD_REQUEST)?.to_owned();
    let mut given = given
        .lock()
        .map_err(|_poisoned| StatusCode::INTERNAL_SERVER_ERROR)?;
    let next = given.len() + 1;
    Ok(given.entry(key).or_insert(next).to_string())
}

async fn vouchers(pod: Pod) -> Result<(), Error> {
    let router = Router::new().route("/vouchers", post(give));
    pod.serve(8080, router.with_state(Given::default())).await
}

/// Asks up to eight times, with one key.
async fn ask(State(pod): State<Pod>) -> impl IntoResponse {
    let client = pod.client(ClientSettings::fresh());
    let key = format!("{}-{}", pod.name, pod.rng.below(u64::MAX));
    for _ in 0..8 {
        let second = Duration::from_secs(1);
        let call = Call::new(Method::POST, "vouchers:8080", "/vouchers", second).key(&*key);
        if let Ok(answer) = client.call(call).await
            && answer.status.is_success()
        {
            let number = String::from_utf8_lossy(&answer.body).into_owned();
            return (
                StatusCode::CREATED,
                [(LOCATION, format!("/vouchers/{number}"))],
            );
        }
        tokio::time::sleep(second).await;
    }
    (StatusCode::GATEWAY_TIMEOUT, [(LOCATION, String::new())])
}

async fn desk(pod: Pod) -> Result<(), Error> {
    let router = Router::new().route("/vouchers", post(ask));
    pod.serve(8080, router.with_state(pod.clone())).await
}

// --- The experiment ---

const SYSTEM: System = System::plain(
    "vouchers",
    &[
        Context {
            name: "vouchers",
            port: 9001,
            program: |pod| Box::pin(vouchers(pod)),
        },
        Context {
            name: "desk",
            port: 9002,
            program: |pod| Box::pin(desk(pod)),
        },
    ],
);
const TWO: &[Operation] = &[Operation::add("/spec/replicas", "2")];
const ASK: Request = Request {
    method: "POST",
    ..Request::get("desk:8080", "/vouchers")
};
const CUSTOMER: Journey = Journey {
    name: "customer",
    steps: &[Step::Request(ASK)],
};

fn scenario() -> Scenario {
    let fault = |kind, start, length_ms| Fault {
        kind,
        start,
        length_ms,
    };
    let kill = Kind::Kill {
        target: "desk/1".into(),
    };
    let cut = Kind::Partition {
        from: "desk".into(),
        to: "vouchers".into(),
        direction: Direction::Both,
    };
    let lost = Kind::LostReply {
        host: "vouchers".into(),
        peer: "desk".into(),
    };
    let tenth_call = Moment::CallSent {
        host: "desk".into(),
        target: "vouchers".into(),
    };
    Scenario {
        name: "vouchers/weather",
        claim: "Whatever is lost on the way, nobody's number is another's and none is burnt.",
        cluster: Cluster::new(&SYSTEM, [Patch::edit("Deployment/desk", TWO)]),
        loads: vec![Load::steady(
            "customers",
            5.0,
            Duration::from_secs(60),
            &[Share {
                weight: 1,
                journey: CUSTOMER,
            }],
        )],
        faults: vec![
            fault(lost, Start::At(tenth_call, 10), None),
            fault(cut, Start::AtMs(15_000), Some(4_000)),
            fault(kill, Start::AtMs(35_000), None),
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

/// A check of our own: a pure function of what happened.
#[derive(Debug)]
struct Numbers;

impl Sla for Numbers {
    fn judge(&self, history: &History) -> Check {
        let (mut owners, mut unheard, mut wrong) = (BTreeMap::new(), 0, Findings::default());
        for request in Requests::to("POST", "/vouchers").within(history, &Window::Run) {
            let answer = request
                .answer()
                .filter(|answer| answer.outcome == Outcome::Ok);
            let location = answer.and_then(|answer| answer.location);
            let number = location.and_then(|text| text.strip_prefix("/vouchers/")?.parse().ok());
            let Some(number) = number else {
                unheard += 1;
                continue;
            };
            if let Some(other) = owners.insert(number, request.user) {
                wrong.add(|| format!("{number} given to {other}, then: {request}"));
            }
        }
        let last: usize = owners.keys().max().copied().unwrap_or(0);
        if last > owners.len() + unheard {
            wrong.add(|| format!("{last} given to {} requests", owners.len() + unheard));
        }
        let seen = format!("{} numbers up to {last}, {unheard} unheard", owners.len());
        if owners.is_empty() {
            return Check::vacuous("numbers", "nobody got one", "each its own, none burnt");
        }
        Check::judged("numbers", seen, "each its own, none burnt", wrong)
    }
}

fn main() {
    let run = runner::run(&scenario(), 1, EngineKind::Events);
    println!(
        "{}",
        table::overview(std::slice::from_ref(&run.report), false)
    );
}

#[test]
fn nobodys_number_is_anothers_in_any_weather() {
    for seed in 1..=5 {
        runner::run(&scenario(), seed, EngineKind::Events)
            .report
            .assert_pass();
    }
}
