//! What the shop promises in every run, whatever is injected.

use serde_json::{Value, json};
use squall_reports::{
    history::Name,
    records::{Collection, LoggedEvent},
    requests::Requests,
    sla::{
        Acknowledged, Breaker, EventSide, ExactlyOnce, FoldEquality, HystrixRules, LogComplete,
        NeverNegative, OneToOne, Pairing, Rules, Sla, Statuses,
    },
};

/// The name of the breaker that guards payment, and of what it guards.
pub(super) const BREAKER: &str = "pay";
/// Payment, as orders dial it.
pub(super) const PAY: &str = "pay:8080";

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
        Box::new(breaker(&[])),
    ];
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
