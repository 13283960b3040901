//! What the shop's users do.

use std::time::Duration;

use squall_reports::history::Outcome;
use squall_sim::{
    load::{Answer, Arrival, Extent, Journey, Load, Part, Request, Save, Share, Spacing, Step},
    range::TimeRange,
};

/// Where customers and operators come in.
const GATEWAY: &str = "gateway:8080";
/// A click is given up after this time (siege: 30 s).
const TIMEOUT: Duration = Duration::from_secs(30);
/// How often somebody who waits looks again.
const GLANCE: Duration = Duration::from_millis(500);
/// How long somebody waits: through any outage of the catalogue.
const PATIENCE: Duration = Duration::from_secs(150);
/// Turned away, or nobody knows: a user of a troubled shop gives up and goes home.
pub(super) const TROUBLE: &[Answer] = &[
    Answer::Outcome(Outcome::Fail),
    Answer::Outcome(Outcome::Unknown),
];

/// An order of one of three items, by the gateway. Any trouble is allowed; a promise of its own
/// says how much.
pub(super) const PLACE: Request = Request {
    method: "POST",
    target: GATEWAY,
    path: "/orders",
    headers: &[],
    body: Some(
        r#"{"item":"{tv|radio|phone}","orderQty":"{1..=3}","price":{10..=2000},"status":"new"}"#,
    ),
    expect: &[Answer::Status(201)],
    accept: TROUBLE,
    save: &[Save {
        variable: "order",
        part: Part::LocationId,
    }],
};

/// Reads.
pub(super) const fn get(path: &'static str) -> Request {
    Request {
        method: "GET",
        target: GATEWAY,
        path,
        headers: &[],
        body: None,
        expect: &[Answer::Status(200)],
        accept: &[],
        save: &[],
    }
}

const fn put(path: &'static str, expect: &'static [Answer]) -> Request {
    Request {
        method: "PUT",
        expect,
        accept: TROUBLE,
        ..get(path)
    }
}

const fn wait_for(
    path: &'static str,
    member: &'static str,
    values: &'static [&'static str],
) -> Step {
    Step::Until {
        request: get(path),
        member,
        values,
        every: GLANCE,
        within: PATIENCE,
    }
}

/// The order's line on its customer's page.
const PAGE: &str = "/myPages?orderId={order}";
const PAGE_STATUS: &str = "/_embedded/myPages/0/status";
/// The order's delivery.
const DELIVERY: &str = "/deliveries?orderId={order}";
const DELIVERY_STATUS: &str = "/_embedded/deliveries/0/status";
/// Statuses that show that the delivery is decided on.
const IN_HAND: &[&str] = &["PREPARED", "BACKORDERED", "STARTED", "COMPLETED"];

/// Waits until the delivery has its pieces.
pub(super) const DELIVERY_PREPARED: Step = wait_for(DELIVERY, DELIVERY_STATUS, &["PREPARED"]);
/// An operator sends a delivery.
pub(super) const START: Request = put("/deliveries/{order}/start", &[Answer::Status(200)]);
/// An operator hands it over.
pub(super) const COMPLETE: Request = put("/deliveries/{order}/complete", &[Answer::Status(200)]);
/// Waits until the page shows that it has arrived.
pub(super) const PAGE_COMPLETED: Step = wait_for(PAGE, PAGE_STATUS, &["COMPLETED"]);
/// Waits until the page shows that the order is cancelled.
pub(super) const PAGE_CANCELED: Step = wait_for(PAGE, PAGE_STATUS, &["CANCELED"]);
/// Waits until the page shows that the delivery is decided on.
pub(super) const PAGE_IN_HAND: Step = wait_for(PAGE, PAGE_STATUS, IN_HAND);

/// Orders, and waits until the page shows what became of the delivery.
pub(super) const ORDER: Journey = Journey {
    name: "order",
    steps: &[Step::Request(PLACE), PAGE_IN_HAND],
};

/// Orders; an operator sends and hands over; the customer sees it.
pub(super) const ORDER_AND_DELIVER: Journey = Journey {
    name: "order and deliver",
    steps: &[
        Step::Request(PLACE),
        DELIVERY_PREPARED,
        Step::Request(START),
        Step::Request(COMPLETE),
        PAGE_COMPLETED,
        wait_for("/orders/{order}", "/status", &["COMPLETED"]),
    ],
};

/// Orders, thinks again, cancels, and waits until it is cancelled everywhere.
pub(super) const ORDER_AND_CANCEL: Journey = Journey {
    name: "order and cancel",
    steps: &[
        Step::Request(PLACE),
        Step::Think(TimeRange::ms(0, 2_000)),
        Step::Request(CANCEL),
        wait_for("/orders/{order}", "/status", &["CANCELED"]),
        PAGE_CANCELED,
    ],
};

/// Orders three of the few boats that there are, waits for them or for their turn, and cancels: who
/// waits behind them gets them.
pub(super) const WANT_WHAT_IS_SCARCE: Journey = Journey {
    name: "want what is scarce",
    steps: &[
        Step::Request(Request {
            body: Some(r#"{"item":"boat","orderQty":3,"price":{10..=2000},"status":"new"}"#),
            ..PLACE
        }),
        PAGE_IN_HAND,
        Step::Think(TimeRange::ms(0, 3_000)),
        Step::Request(CANCEL),
        PAGE_CANCELED,
    ],
};

/// Cancels an order.
pub(super) const CANCEL: Request = Request {
    method: "DELETE",
    expect: &[Answer::Status(204)],
    accept: TROUBLE,
    ..get("/orders/{order}")
};

/// Orders for more than payment takes: refused, and no failure of payment's.
pub(super) const TOO_DEAR: Journey = Journey {
    name: "order what is too dear",
    steps: &[Step::Request(Request {
        body: Some(r#"{"item":"tv","orderQty":1,"price":{1000001..=2000000},"status":"new"}"#),
        expect: &[Answer::Status(402)],
        save: &[],
        ..PLACE
    })],
};

/// Pays for an order once more, with its key, and less.
pub(super) const PAY_LESS: Request = Request {
    method: "POST",
    headers: &[("idempotency-key", "{order}")],
    body: Some(r#"{"orderId":"{order}","price":1}"#),
    expect: &[Answer::Status(422)],
    accept: TROUBLE,
    ..get("/pays")
};

/// Orders, then pays for the same order once more, and less.
pub(super) const PAY_AGAIN: Journey = Journey {
    name: "pay again for less",
    steps: &[Step::Request(PLACE), Step::Request(PAY_LESS)],
};

/// Looks at orders, be they one's own or another's, or none at all.
pub(super) const LOOK_AROUND: Journey = Journey {
    name: "look around",
    steps: &[
        GLANCE_AT_AN_ORDER,
        Step::Think(TimeRange::ms(10, 150)),
        GLANCE_AT_AN_ORDER,
        Step::Think(TimeRange::ms(10, 150)),
        GLANCE_AT_AN_ORDER,
        Step::Think(TimeRange::ms(10, 150)),
        GLANCE_AT_AN_ORDER,
        Step::Think(TimeRange::ms(10, 150)),
        GLANCE_AT_AN_ORDER,
        Step::Think(TimeRange::ms(10, 150)),
        GLANCE_AT_AN_ORDER,
    ],
};

const GLANCE_AT_AN_ORDER: Step = Step::Request(Request {
    expect: &[Answer::Any],
    ..get("/orders/{1..=12}")
});

/// Orders, and cancels again before it is cancelled: a double click.
pub(super) const CANCEL_TWICE: Journey = Journey {
    name: "cancel twice",
    steps: &[
        Step::Request(PLACE),
        Step::Request(CANCEL),
        Step::Request(CANCEL),
        PAGE_CANCELED,
    ],
};

/// Cancels while the delivery is on its way.
pub(super) const CANCEL_ON_THE_WAY: Journey = Journey {
    name: "cancel on the way",
    steps: &[
        Step::Request(PLACE),
        DELIVERY_PREPARED,
        Step::Request(START),
        Step::Request(CANCEL),
        wait_for("/orders/{order}", "/status", &["CANCELED"]),
        wait_for(DELIVERY, DELIVERY_STATUS, &["CANCELED"]),
    ],
};

/// Cancels while an operator hands over: who is first wins, and both learn of it.
pub(super) const CANCEL_RACES_COMPLETION: Journey = Journey {
    name: "cancel races completion",
    steps: &[
        Step::Request(PLACE),
        DELIVERY_PREPARED,
        Step::Request(START),
        Step::Request(CANCEL),
        Step::Think(TimeRange::ms(0, 40)),
        Step::Request(put(
            "/deliveries/{order}/complete",
            &[Answer::Status(200), Answer::Status(409)],
        )),
        wait_for("/orders/{order}", "/status", &["CANCELED", "COMPLETED"]),
        wait_for(PAGE, PAGE_STATUS, &["CANCELED", "COMPLETED"]),
    ],
};

/// Cancels just after an operator hands over, before the order has heard of it.
pub(super) const COMPLETION_RACES_CANCEL: Journey = Journey {
    name: "completion races cancel",
    steps: &[
        Step::Request(PLACE),
        DELIVERY_PREPARED,
        Step::Request(START),
        Step::Request(COMPLETE),
        // An event takes about 20 ms from product to order.
        Step::Think(TimeRange::ms(0, 4)),
        Step::Request(Request {
            expect: &[Answer::Status(204), Answer::Status(409)],
            ..CANCEL
        }),
        wait_for("/orders/{order}", "/status", &["COMPLETED"]),
        PAGE_COMPLETED,
    ],
};

/// Looks at the page and at single resources.
pub(super) const BROWSE: Journey = Journey {
    name: "browse",
    steps: &[
        Step::Request(get("/myPages?size=5")),
        Step::Think(TimeRange::ms(100, 1_000)),
        Step::Request(get("/products")),
    ],
};

/// The mix of an ordinary day.
pub(super) const ORDINARY: &[Share] = &[
    Share {
        weight: 5,
        journey: ORDER,
    },
    Share {
        weight: 3,
        journey: ORDER_AND_DELIVER,
    },
    Share {
        weight: 2,
        journey: ORDER_AND_CANCEL,
    },
];

/// Orders, some of them cancelled.
pub(super) const ORDERS: &[Share] = &[
    Share {
        weight: 9,
        journey: ORDER,
    },
    Share {
        weight: 1,
        journey: ORDER_AND_CANCEL,
    },
];

/// Puts an item into the catalogue.
pub(super) const fn stock(body: &'static str) -> Step {
    Step::Request(Request {
        method: "POST",
        body: Some(body),
        expect: &[Answer::Status(201)],
        ..get("/products")
    })
}

/// An operator fills the shelves before anybody comes: more than a run can sell.
pub(super) const FULL_SHELVES: Load = Load {
    name: "operator",
    begins: Duration::ZERO,
    extent: Extent::Journeys(1),
    arrival: Arrival::Closed {
        users: 1,
        think: TimeRange::ZERO,
    },
    mix: &[Share {
        weight: 1,
        journey: Journey {
            name: "fill the shelves",
            steps: &[
                stock(r#"{"item":"tv","stock":100000}"#),
                stock(r#"{"item":"radio","stock":"100000"}"#),
                stock(r#"{"item":"phone","stock":100000}"#),
            ],
        },
    }],
    timeout: TIMEOUT,
    keep_alive: true,
};

/// Customers who come at random, so many a second, from 1 s on for so many seconds.
pub(super) const fn customers(mix: &'static [Share], rate_per_s: f64, seconds: u64) -> Load {
    Load {
        name: "customer",
        begins: Duration::from_secs(1),
        extent: Extent::For(Duration::from_secs(seconds)),
        arrival: Arrival::Open {
            rate_per_s,
            spacing: Spacing::Poisson,
            max_in_flight: 10_000,
        },
        mix,
        timeout: TIMEOUT,
        keep_alive: false,
    }
}

/// So many customers more, for a while.
pub(super) const fn burst(
    mix: &'static [Share],
    rate_per_s: f64,
    from_s: u64,
    seconds: u64,
) -> Load {
    Load {
        name: "crowd",
        begins: Duration::from_secs(from_s),
        ..customers(mix, rate_per_s, seconds)
    }
}

/// An operator who puts ten televisions on the shelf, and plenty of them half a minute later. The
/// other items were never heard of until then.
pub(super) const TEN_THEN_MORE: Load = Load {
    mix: &[Share {
        weight: 1,
        journey: Journey {
            name: "ten, then more",
            steps: &[
                stock(r#"{"item":"tv","stock":10}"#),
                Step::Think(TimeRange::ms(25_000, 25_000)),
                Step::Request(Request {
                    method: "PATCH",
                    body: Some(r#"{"stock":500}"#),
                    ..get("/products/1")
                }),
                stock(r#"{"item":"radio","stock":500}"#),
                stock(r#"{"item":"phone","stock":500}"#),
            ],
        },
    }],
    ..FULL_SHELVES
};
