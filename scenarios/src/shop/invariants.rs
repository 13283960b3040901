//! What the shop promises in every run, whatever is injected.

use std::time::Duration;

use serde_json::{Value, json};
use squall_kit::hints as kit;
use squall_reports::{
    check::Check,
    history::History,
    history::Name,
    records::{Collection, LoggedEvent},
    requests::Requests,
    sla::{
        Acknowledged, Breaker, Ends, EventSide, ExactlyOnce, FoldEquality, HystrixRules,
        Linearizable, LogComplete, NeverBoth, NeverNegative, NoneAccepted, NoneLeft, OneAtATime,
        OneToOne, Pairing, RefusalsAreNoFailures, RetryBudget, Rules, Sla, Statuses, SumsUp,
    },
    window::Window,
};
use squall_shop::hints as shop;

use super::order_model::{self, OrderModel};

/// The name of the breaker that guards payment, and of what it guards.
pub(super) const BREAKER: &str = "pay";
/// Payment, as orders dial it.
pub(super) const PAY: &str = "pay:8080";
/// Longer than an order asks payment, all repetitions included, whatever its timeouts are set to.
const LONGEST_PAYMENT: Duration = Duration::from_secs(30);

/// Every invariant.
pub(super) fn all() -> Vec<Box<dyn Sla>> {
    let mut invariants: Vec<Box<dyn Sla>> = vec![
        Box::new(paid()),
        Box::new(followed("deliveries", "product")),
        Box::new(followed("myPages", "customercenter")),
        Box::new(Acknowledged {
            requests: Requests::to("POST", "/orders"),
            collection: orders(),
            status: "state".into(),
            kept: Statuses::Except(names(&["pending", "refused"])),
        }),
        Box::new(NoneLeft {
            collection: orders(),
            status: "state".into(),
            open: Statuses::Among(names(&["pending", "canceling"])),
        }),
        Box::new(NeverBoth {
            one: "DeliveryCompleted".into(),
            other: "OrderCanceled".into(),
        }),
        Box::new(Linearizable {
            objects: "orders",
            model: OrderModel,
            operations: order_model::operations,
        }),
    ];
    invariants.extend(without_orders());
    invariants
}

/// What holds even where the orders themselves are lost.
pub(super) fn without_orders() -> Vec<Box<dyn Sla>> {
    let mut invariants: Vec<Box<dyn Sla>> = vec![
        Box::new(LogComplete),
        Box::new(FoldEquality {
            collection: Collection::named("myPages").of("customercenter"),
            key: "orderId".into(),
            fold: page,
        }),
        Box::new(NeverNegative {
            collection: Collection::named("products").of("product"),
            kinds: names(&["StockDecreased"]),
            member: "stock".into(),
        }),
        Box::new(OneToOne {
            collection: Collection::named("notices").of("notice"),
            member: "eventId".into(),
            kinds: names(squall_shop::NOTIFYING),
            event_side: EventSide::Id,
        }),
        Box::new(reserved()),
        Box::new(breaker(&[])),
        Box::new(RefusalsAreNoFailures {
            breaker: BREAKER.into(),
            target: PAY.into(),
        }),
    ];
    invariants.extend(of_the_code());
    for context in squall_shop::CONTEXTS {
        if let Some(group) = context.group {
            invariants.push(Box::new(ExactlyOnce {
                consumer: group.into(),
                kinds: names(context.consumes),
            }));
        }
    }
    invariants
}

/// What the places that the code names must show.
fn of_the_code() -> Vec<Box<dyn Sla>> {
    vec![
        Box::new(OneAtATime {
            work: "relay".into(),
            begins: kit::LEASE_TAKEN.into(),
            works: kit::BATCH_READ.into(),
        }),
        Box::new(Ends {
            work: "payment of an order".into(),
            begins: shop::ORDER_PENDING.into(),
            ends: shop::ORDER_ANSWERED.into(),
            within: LONGEST_PAYMENT,
        }),
        // As in `squall_shop::order::payment`.
        Box::new(RetryBudget {
            request: shop::ORDER_PENDING.into(),
            retry: kit::RETRY_MADE.into(),
            percent: 20,
            burst: 3,
        }),
    ]
}

/// What users pay for by themselves is never accepted: their requests use the keys of orders.
#[derive(Debug)]
pub(super) struct NoneBought;

impl Sla for NoneBought {
    fn judge(&self, history: &History) -> Check {
        let promise = NoneAccepted {
            requests: Requests::to("POST", "/pays"),
            window: Window::Run,
        };
        promise
            .judge(history)
            .named("a key pays for its order alone")
    }
}

/// What is reserved of an item is what its deliveries hold.
fn reserved() -> SumsUp {
    SumsUp {
        totals: Collection::named("products").of("product"),
        total: "reserved".into(),
        key: "item".into(),
        parts: Collection::named("deliveries").of("product"),
        part_key: "item".into(),
        part: "orderQty".into(),
        status: "status".into(),
        counted: Statuses::Among(names(&["PREPARED", "STARTED"])),
    }
}

/// No accepted order without a standing payment, no standing payment without its order.
fn paid() -> Pairing {
    Pairing {
        front: orders(),
        front_status: "state".into(),
        front_stands: Statuses::Among(names(&["accepted", "canceling"])),
        counterpart: Collection::named("pays").of("pay"),
        counterpart_key: "orderId".into(),
        counterpart_status: "canceled".into(),
        counterpart_stands: Statuses::Among(names(&["false"])),
    }
}

/// What follows an accepted order by events: one record in this collection for each, also for a
/// cancelled one, and none for an order that never was.
fn followed(collection: &str, service: &str) -> Pairing {
    Pairing {
        front: orders(),
        front_status: "state".into(),
        front_stands: Statuses::Among(names(&["accepted", "canceling", "canceled"])),
        counterpart: Collection::named(collection).of(service),
        counterpart_key: "orderId".into(),
        counterpart_status: "orderId".into(),
        counterpart_stands: Statuses::Except(Vec::new()),
    }
}

/// The breaker keeps its rules; `expected` transitions must be seen.
pub(super) fn breaker(
    expected: &[(
        squall_reports::history::BreakerState,
        squall_reports::history::BreakerState,
    )],
) -> Breaker {
    Breaker {
        breaker: BREAKER.into(),
        target: PAY.into(),
        rules: Rules::Hystrix(HystrixRules::default()),
        expected: expected.to_vec(),
    }
}

/// The orders that order keeps.
pub(super) fn orders() -> Collection {
    Collection::named("orders").of("order")
}

fn names(names: &[&str]) -> Vec<Name> {
    names.iter().map(|&name| name.into()).collect()
}

/// What a customer's page must say, told anew from the events alone.
fn page(events: &[LoggedEvent<'_>]) -> Option<Value> {
    let ordered = events.iter().position(|event| &**event.kind == "Ordered")?;
    let mut status = events[ordered].body["status"].clone();
    let mut canceling = false;
    for event in &events[ordered..] {
        match &**event.kind {
            "DeliveryPrepared" => status = json!("PREPARED"),
            "DeliveryBackordered" => status = json!("BACKORDERED"),
            "DeliveryStarted" => status = json!("STARTED"),
            "DeliveryCompleted" => status = json!("COMPLETED"),
            "CancelRequested" => canceling = true,
            "CancelRefused" => canceling = false,
            "OrderCanceled" => {
                canceling = false;
                status = json!("CANCELED");
            }
            _ => {}
        }
    }
    if canceling {
        status = json!("CANCELING");
    }
    let body = &events[ordered].body;
    Some(json!({
        "item": body["item"],
        "quantity": body["orderQty"],
        "price": body["price"],
        "status": status,
    }))
}
