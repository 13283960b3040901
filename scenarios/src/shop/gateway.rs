//! The gateway is the one way in, and no more than a way.

use std::time::Duration;

use squall_chaos::fault::{Fault, Kind, Start};
use squall_reports::{requests::Requests, sla::Refusals, window::Window};
use squall_sim::load::{Journey, Request, Share, Step};

use super::{
    cluster::doubled,
    invariants,
    journeys::{CANCEL, FULL_SHELVES, PLACE, TROUBLE, customers, get},
    promises::{all_accepted, all_complete, converges},
};
use crate::scenario::Scenario;

/// What was ordered.
const ITEM: &str = "/item";
const QUANTITY: &str = "/orderQty";

const THREE_TVS: Request = Request {
    body: Some(r#"{"item":"tv","orderQty":"3","price":"1000","status":"0"}"#),
    ..PLACE
};

const fn direct(request: Request) -> Request {
    Request {
        target: "order:8080",
        ..request
    }
}

const fn shows(request: Request, member: &'static str, value: &'static [&'static str]) -> Step {
    let every = Duration::from_millis(200);
    Step::Until {
        request,
        member,
        values: value,
        every,
        within: Duration::from_secs(1),
    }
}

const ORDER: Request = get("/orders/{order}");

const IN_BY_GATEWAY: Journey = Journey {
    name: "order by gateway, read by port",
    steps: &[
        Step::Request(THREE_TVS),
        shows(direct(ORDER), ITEM, &["tv"]),
        shows(direct(ORDER), QUANTITY, &["3"]),
    ],
};

const IN_BY_PORT: Journey = Journey {
    name: "order by port, read by gateway",
    steps: &[
        Step::Request(direct(THREE_TVS)),
        shows(ORDER, ITEM, &["tv"]),
        shows(ORDER, QUANTITY, &["3"]),
    ],
};

const CANCEL_BY_PORT: Journey = Journey {
    name: "order by gateway, cancel by port",
    steps: &[
        Step::Request(THREE_TVS),
        Step::Request(direct(CANCEL)),
        Step::Until {
            request: ORDER,
            member: "/status",
            values: &["CANCELED"],
            every: Duration::from_millis(200),
            within: Duration::from_secs(20),
        },
    ],
};

const PAGES: Request = Request {
    accept: TROUBLE,
    ..get("/myPages")
};

const LOOK_AT_PAGES: Journey = Journey {
    name: "look at pages",
    steps: &[Step::Request(PAGES)],
};

const MIX: &[Share] = &[
    Share {
        weight: 1,
        journey: IN_BY_GATEWAY,
    },
    Share {
        weight: 1,
        journey: IN_BY_PORT,
    },
    Share {
        weight: 1,
        journey: LOOK_AT_PAGES,
    },
    Share {
        weight: 1,
        journey: CANCEL_BY_PORT,
    },
];

/// The scenario.
pub(super) fn scenario() -> Scenario {
    Scenario {
        name: "shop/gateway",
        claim: "A command gives the same result by the gateway and by the service's own port; with \
                a service down the gateway says so at once.",
        cluster: doubled(),
        loads: vec![FULL_SHELVES, customers(MIX, 6.0, 40)],
        faults: vec![Fault {
            kind: Kind::Stop {
                deployment: "customercenter".into(),
            },
            start: Start::AtMs(15_000),
            length_ms: Some(10_000),
        }],
        safety: Duration::from_secs(50),
        settle: Duration::from_secs(60),
        sla: vec![
            all_accepted(),
            all_complete(100),
            Box::new(Refusals {
                requests: Requests::to("GET", "/myPages"),
                window: Window::During {
                    fault: 0,
                    skip: Duration::from_secs(1),
                },
                problem: "urn:squall:refused:backend-unavailable".into(),
            }),
            converges(20),
        ],
        invariants: invariants::all(),
        documented: None,
    }
}
