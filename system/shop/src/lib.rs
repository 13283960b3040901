//! # shop: product delivery
//!
//! A customer orders an item and pays in the same breath; product reserves, sends and hands over
//! the pieces; the customer may cancel until they are handed over, hears of every step by
//! KakaoTalk, and looks at `myPages` meanwhile. What is not paid does not exist; everything else
//! follows by events.
//!
//! **What it must not know:** that a simulator exists. It sees the world through its
//! [`squall_kit::Pod`] only. Domain logic (`aggregate`, `view`, `message`) knows no async,
//! clock, randomness or HTTP.
//!
//! **Where to start reading:** the board below, then [`order::aggregate`] and
//! [`product::aggregate`].
//!
//! # The board
//!
//! Commands and the events they cause:
//!
//! ```text
//! order     POST   /orders                   asks pay, then   Ordered
//!                                            not paid         PaymentAbandoned, if it may exist
//!           DELETE /orders/{id}                               CancelRequested
//! pay       POST   /pays                                      PayApproved
//! product   POST   /products                 somebody waits   StockAvailable
//!           PATCH  /products/{id}            somebody waits   StockAvailable
//!           PUT    /deliveries/{id}/start                     DeliveryStarted
//!           PUT    /deliveries/{id}/complete                  DeliveryCompleted, StockDecreased
//! gateway   passes every command on
//! ```
//!
//! Policies, event → what a context does about it:
//!
//! ```text
//! Ordered               product         DeliveryPrepared, or DeliveryBackordered
//! CancelRequested       product         DeliveryCanceled and CancelAccepted, or CancelRefused
//! StockAvailable        product         DeliveryPrepared for who waits
//! DeliveryPrepared      order           the status moves
//! DeliveryBackordered   order           the status moves
//! DeliveryStarted       order           the status moves
//! DeliveryCompleted     order           the status moves; from here on nothing is cancelled
//! CancelAccepted        order           OrderCanceled
//! CancelRefused         order           the status before is back
//! OrderCanceled         pay             PayCanceled
//! PaymentAbandoned      pay             PayCanceled, or the key is recorded as abandoned
//! NOTIFYING             notice          one KakaoTalk message
//! all a status shows    customercenter  myPages
//! ```
//!
//! # Settings
//!
//! | name | default | context | |
//! |---|---|---|---|
//! | `BASE_URL` | `http://localhost:8080` | all but gateway | start of every link |
//! | `TOPIC` | `shop` | all but gateway | the topic |
//! | `api.url.payment` | `http://pay:8080` | order | where payment is asked |
//! | `PAY_TIMEOUT_MS` | 3000 | order | the longest that a call to payment takes, answer included |
//! | `breaker.pay` | `hystrix` | order | or `resilience4j`: whose rules and settings it follows |
//! | `resilience4j.circuitbreaker.instances.pay.…` | resilience4j's | order | that breaker |
//! | `resilience4j.timelimiter.instances.pay.…` | resilience4j's | order | its timeout |
//! | `resilience4j.bulkhead.instances.pay.…` | resilience4j's | order | calls at once within it |
//! | `hystrix.command.pay.…` | Hystrix's | order | the breaker; its timeout bounds payment |
//! | `hystrix.threadpool.pay.…` | Hystrix's | order | calls to payment at once |
//! | `RECOVERY_MARGIN_MS` | 2000 | order | how much longer than that an order may stay pending |
//! | `PAY_LIMIT` | none | pay | the most that one payment takes; more is refused |
//! | `GATEWAY_TIMEOUT_MS` | 10000 | gateway | the longest that a service may take for its answer |
//!
//! By resilience4j's own settings payment's refusals are failures of that breaker; with
//! `ignoreExceptions` set to `BadRequest` they do not count, as with Hystrix.
//!
//! # Choices of our own
//!
//! * A delivery has the id of its order. Who waits for stock is served in the order of orders, and
//!   nobody overtakes.
//! * `PATCH /products/{id} {"stock": n}` says how many pieces there are, not how many came, so that
//!   repeating it is harmless; it is refused (409) below what is reserved.
//! * While an order is `CANCELING`, what its delivery does moves the status that a refusal puts
//!   back.
//! * A payment given back shows the status `CANCELED`; a standing one shows its caller's label.
//! * Product tells itself `StockAvailable` (keyed `item:<name>`): new stock or a cancellation left
//!   a piece for somebody who waits.

pub mod customercenter;
pub mod event;
pub mod gateway;
pub mod hints;
mod manifests;
pub mod notice;
pub mod order;
pub mod pay;
pub mod product;
mod service;
mod slot;

use squall_kit::{BoxFuture, Error, Pod};

pub use manifests::{MANIFESTS, MODEL};
pub use service::PORT;

/// One bounded context of the shop.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// The name others dial, `order`.
    pub name: &'static str,
    /// The port the documents give it outside a cluster. It listens on [`PORT`].
    pub documented_port: u16,
    /// Runs one instance until its stop signal.
    pub run: fn(Pod) -> BoxFuture<'static, Result<(), Error>>,
    /// True when it has a database of its own.
    pub stateful: bool,
    /// Its consumer group; `None` for one that reacts to nothing.
    pub group: Option<&'static str>,
    /// The kinds of events that take effect in it; it ignores all others.
    pub consumes: &'static [&'static str],
    /// The kinds of events that it states.
    pub publishes: &'static [&'static str],
}

/// The contexts, the ones others depend on first.
pub const CONTEXTS: [Context; 6] = [
    Context {
        name: "pay",
        documented_port: 8083,
        run: |pod| Box::pin(pay::run(pod)),
        stateful: true,
        group: Some(pay::GROUP),
        consumes: &["OrderCanceled", "PaymentAbandoned"],
        publishes: &["PayApproved", "PayCanceled"],
    },
    Context {
        name: "order",
        documented_port: 8081,
        run: |pod| Box::pin(order::run(pod)),
        stateful: true,
        group: Some(order::GROUP),
        consumes: &[
            "DeliveryPrepared",
            "DeliveryBackordered",
            "DeliveryStarted",
            "DeliveryCompleted",
            "CancelAccepted",
            "CancelRefused",
        ],
        publishes: &[
            "Ordered",
            "CancelRequested",
            "OrderCanceled",
            "PaymentAbandoned",
        ],
    },
    Context {
        name: "product",
        documented_port: 8082,
        run: |pod| Box::pin(product::run(pod)),
        stateful: true,
        group: Some(product::GROUP),
        consumes: &["Ordered", "CancelRequested", "StockAvailable"],
        publishes: &[
            "DeliveryPrepared",
            "DeliveryBackordered",
            "DeliveryStarted",
            "DeliveryCompleted",
            "StockDecreased",
            "DeliveryCanceled",
            "CancelAccepted",
            "CancelRefused",
            "StockAvailable",
        ],
    },
    Context {
        name: "notice",
        documented_port: 8084,
        run: |pod| Box::pin(notice::run(pod)),
        stateful: true,
        group: Some(notice::GROUP),
        consumes: NOTIFYING,
        publishes: &[],
    },
    Context {
        name: "customercenter",
        documented_port: 8085,
        run: |pod| Box::pin(customercenter::run(pod)),
        stateful: true,
        group: Some(customercenter::GROUP),
        consumes: &[
            "Ordered",
            "DeliveryPrepared",
            "DeliveryBackordered",
            "DeliveryStarted",
            "DeliveryCompleted",
            "CancelRequested",
            "CancelRefused",
            "OrderCanceled",
        ],
        publishes: &[],
    },
    Context {
        name: "gateway",
        documented_port: 8088,
        run: |pod| Box::pin(gateway::run(pod)),
        stateful: false,
        group: None,
        consumes: &[],
        publishes: &[],
    },
];

/// The kinds of events that a customer gets a message about.
pub const NOTIFYING: &[&str] = &[
    "Ordered",
    "DeliveryStarted",
    "DeliveryCompleted",
    "OrderCanceled",
    "CancelRefused",
];
