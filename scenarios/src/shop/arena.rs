//! The shop as an arena to explore in.

use squall_chaos::fault::{Moment, Text};
use squall_reports::sla::{NeverPassed, Sla};
use squall_sim::load::{Journey, Load, Request, Share, Step};
use squall_sim::manifest::Patch;

use super::{
    cluster::{NO_PRE_STOP, SYSTEM},
    invariants::{self, NoneBought},
    journeys::{
        self, BROWSE, CANCEL_ON_THE_WAY, CANCEL_RACES_COMPLETION, CANCEL_TWICE,
        COMPLETION_RACES_CANCEL, FULL_SHELVES, LOOK_AROUND, ORDER, ORDER_AND_CANCEL,
        ORDER_AND_DELIVER, PAY_AGAIN, TOO_DEAR, WANT_WHAT_IS_SCARCE, stock,
    },
};
use crate::explore::arena::Arena;

/// The arena.
pub fn arena() -> Arena {
    Arena {
        name: "shop/explore",
        claim: "Whatever strikes the shop: no order is lost, charged twice or half done, and once \
                everything is healed its users are served.",
        system: &SYSTEM,
        operator: Some(OPERATOR),
        journeys: JOURNEYS,
        aftermath: AFTERMATH,
        settings: SETTINGS,
        variations: VARIATIONS,
        replicas: &[
            ("order", 3),
            ("pay", 2),
            ("product", 2),
            ("customercenter", 2),
        ],
        phases,
        hints,
        invariants: promised,
    }
}

/// What holds in every run, and what journeys of this arena alone can show.
fn promised() -> Vec<Box<dyn Sla>> {
    let mut promised = invariants::all();
    promised.push(Box::new(NoneBought));
    promised.extend(UNREACHABLE.map(|place| -> Box<dyn Sla> {
        let place = place.into();
        Box::new(NeverPassed { place })
    }));
    promised
}

/// The code is ready for events out of the order of their aggregate, which the broker never gives.
const UNREACHABLE: [&str; 2] = [
    squall_kit::hints::EVENT_REJECTED,
    squall_shop::hints::PRODUCT_CANCELED_FIRST,
];

/// Fills the shelves: more than a run can sell, and of one item so few that some must wait.
const OPERATOR: Load = Load {
    mix: &[share(Journey {
        name: "fill the shelves",
        steps: &[
            stock(r#"{"item":"tv","stock":100000}"#),
            stock(r#"{"item":"radio","stock":"100000"}"#),
            stock(r#"{"item":"phone","stock":100000}"#),
            stock(r#"{"item":"boat","stock":5}"#),
        ],
    })],
    ..FULL_SHELVES
};

const fn share(journey: Journey) -> Share {
    Share { weight: 1, journey }
}

const JOURNEYS: &[Share] = &[
    share(ORDER),
    share(ORDER_AND_DELIVER),
    share(ORDER_AND_CANCEL),
    share(WANT_WHAT_IS_SCARCE),
    share(CANCEL_ON_THE_WAY),
    share(CANCEL_TWICE),
    share(CANCEL_RACES_COMPLETION),
    share(COMPLETION_RACES_CANCEL),
    share(BROWSE),
    share(LOOK_AROUND),
    share(PAY_AGAIN),
    share(TOO_DEAR),
];

/// Everything that users do, and nothing may trouble it: an order is accepted, paid once and
/// delivered; another one is cancelled. So every context has something to do and to be judged by,
/// whatever the users before did.
const AFTERMATH: &[Share] = &[share(Journey {
    name: "order after the storm",
    steps: &[
        Step::Request(untroubled(journeys::PLACE)),
        Step::Request(untroubled(journeys::PAY_LESS)),
        journeys::DELIVERY_PREPARED,
        Step::Request(untroubled(journeys::START)),
        Step::Request(untroubled(journeys::COMPLETE)),
        journeys::PAGE_COMPLETED,
        Step::Request(untroubled(journeys::PLACE)),
        Step::Request(untroubled(journeys::CANCEL)),
        journeys::PAGE_CANCELED,
    ],
})];

/// The same request, whose answer must be the expected one.
const fn untroubled(request: Request) -> Request {
    Request {
        accept: &[],
        ..request
    }
}

/// Without its hook a pod is told to end while requests still come.
const VARIATIONS: &[(&str, &[Patch])] = &[(
    "without preStop",
    &[
        Patch::edit("Deployment/order", NO_PRE_STOP),
        Patch::edit("Deployment/pay", NO_PRE_STOP),
        Patch::edit("Deployment/product", NO_PRE_STOP),
    ],
)];

/// Timeouts below and above what a payment takes, leases and looks from hasty to slow.
const SETTINGS: &[(&str, &str, &[&str])] = &[
    ("order", "PAY_TIMEOUT_MS", &["1000", "8000"]),
    // The breaker's: near what a payment takes on a bad day, or so long that several fit into it.
    (
        "order",
        "hystrix.command.pay.execution.isolation.thread.timeoutInMilliseconds",
        &["600", "8000"],
    ),
    ("order", "RECOVERY_MARGIN_MS", &["200", "8000"]),
    ("order", "RECOVERY_PERIOD_MS", &["200", "5000"]),
    ("order", "RELAY_LEASE_MS", &["500", "15000"]),
    ("product", "RELAY_LEASE_MS", &["500", "15000"]),
    // The shorter one is below what an order takes while payment hangs: its caller is gone then.
    ("gateway", "GATEWAY_TIMEOUT_MS", &["800", "30000"]),
    // Its own requests are all that a gateway has to finish.
    ("gateway", "SHUTDOWN_GRACE_MS", &["500"]),
];

/// The places that the kit's and the shop's code name, and that can be reached.
fn hints() -> Vec<&'static str> {
    let mut hints = [squall_kit::hints::ALL, squall_shop::hints::ALL].concat();
    hints.retain(|hint| !UNREACHABLE.contains(hint));
    hints
}

/// What an order goes through, from the click to the last page.
fn phases() -> Vec<(Text, Moment)> {
    let requested = |method: &'static str, route: &'static str| Moment::Requested {
        method: method.into(),
        route: route.into(),
    };
    let hint = |host: &'static str, name: &'static str| Moment::Hint {
        host: host.into(),
        name: name.into(),
    };
    let published = |kind: &'static str| Moment::Published { kind: kind.into() };
    vec![
        ("ordered".into(), requested("POST", "/orders")),
        ("pending".into(), hint("order", "order: pending committed")),
        (
            "paid, not answered".into(),
            hint("pay", "pay: committed, not answered"),
        ),
        (
            "paid, not accepted".into(),
            hint("order", "order: between payment and commit"),
        ),
        ("accepted".into(), published("Ordered")),
        ("delivery prepared".into(), published("DeliveryPrepared")),
        ("delivery completed".into(), published("DeliveryCompleted")),
        ("cancelled".into(), requested("DELETE", "/orders/{order}")),
        ("cancellation asked".into(), published("CancelRequested")),
    ]
}

#[cfg(test)]
mod tests {
    use squall_chaos::fault::Moment;

    #[test]
    fn phases_wait_for_places_that_there_are() {
        let hints = super::hints();
        for (phase, moment) in super::phases() {
            if let Moment::Hint { name, .. } = moment {
                assert!(hints.contains(&&*name), "{phase}: {name}");
            }
        }
    }
}
