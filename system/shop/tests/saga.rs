//! The five contexts' decisions played against each other, in any order the broker may give: what
//! must hold whatever happens. No network, no store: only the domain.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;
use squall_shop::{
    customercenter::view::{self, MyPage},
    event::ShopEvent,
    notice::message,
    order::aggregate::{self as order, Order, Stage, State},
    pay::aggregate::{self as pay, Pay, Payment},
    product::aggregate::{self as product, DeliveryStatus, Shelf},
};

const ITEM: &str = "tv";

/// One thing that happens to the shop.
#[derive(Clone, Debug)]
enum Step {
    /// Somebody orders; payment answers (or its answer is lost, which nobody can tell from
    /// refusal).
    Order { quantity: u64, payment: Answer },
    /// Somebody cancels the n-th order.
    Cancel(usize),
    /// An operator starts the n-th delivery.
    Start(usize),
    /// An operator completes the n-th delivery.
    Complete(usize),
    /// An operator counts this many pieces.
    Stock(u64),
    /// The broker delivers the next event of the n-th stream that has one.
    Deliver(usize),
}

#[derive(Clone, Copy, Debug)]
enum Answer {
    Approved,
    LostBefore,
    LostAfter,
}

/// All contexts, and between each two of them the events on their way.
#[derive(Default)]
struct Shop {
    orders: BTreeMap<u64, Order>,
    payments: BTreeMap<u64, Payment>,
    shelf: Shelf,
    pages: BTreeMap<u64, MyPage>,
    notices: Vec<ShopEvent>,
    log: Vec<ShopEvent>,
    /// By order (0: the item), in order: one partition each.
    streams: BTreeMap<u64, VecDeque<ShopEvent>>,
}

impl Shop {
    fn publish(&mut self, event: ShopEvent) {
        let stream = event.order_id().unwrap_or(0);
        self.log.push(event.clone());
        self.streams.entry(stream).or_default().push_back(event);
    }

    fn order(&mut self, id: u64, command: &order::Command) {
        let Some(order) = self.orders.get_mut(&id) else {
            return;
        };
        let Ok(events) = order::decide(order, command) else {
            return;
        };
        for event in events {
            order::apply(order, &event);
            let told = order.published(id, &event);
            told.into_iter()
                .for_each(|event| publish(&mut self.log, &mut self.streams, event));
        }
    }

    fn pay(&mut self, id: u64, command: &pay::Command) {
        let payment = self.payments.entry(id).or_insert(Payment::Unasked);
        let Ok(events) = pay::decide(payment, command) else {
            return;
        };
        for event in events {
            pay::apply(payment, &event);
            if let Payment::Approved(pay) | Payment::Canceled(pay) = payment {
                let told = pay.published(id, &event);
                told.into_iter()
                    .for_each(|event| publish(&mut self.log, &mut self.streams, event));
            }
        }
    }

    fn product(&mut self, command: &product::Command) {
        let Ok(events) = product::decide(&self.shelf, command) else {
            return;
        };
        for event in events {
            product::apply(&mut self.shelf, &event);
            event
                .published()
                .into_iter()
                .for_each(|event| self.publish(event));
        }
    }

    fn place(&mut self, quantity: u64, answer: Answer) {
        let id = number(self.orders.len()) + 1;
        self.orders
            .insert(id, Order::pending(ITEM.into(), quantity, 1.0, None));
        let approve = pay::Command::Approve(Pay {
            order_id: id,
            price: 1.0,
            status: None,
            canceled: false,
        });
        if !matches!(answer, Answer::LostBefore) {
            self.pay(id, &approve);
        }
        let settle = match answer {
            Answer::Approved => order::Command::Accept,
            _ => order::Command::Refuse {
                payment_may_exist: true,
            },
        };
        self.order(id, &settle);
    }

    fn deliver(&mut self, nth: usize) -> bool {
        let waiting: Vec<u64> = self
            .streams
            .iter()
            .filter(|(_, events)| !events.is_empty())
            .map(|(id, _)| *id)
            .collect();
        let Some(stream) = waiting.get(nth % waiting.len().max(1)) else {
            return false;
        };
        let event = self
            .streams
            .get_mut(stream)
            .and_then(VecDeque::pop_front)
            .expect("it is not empty");
        if let (Some(command), Some(id)) = (order::policy(&event), event.order_id()) {
            self.order(id, &command);
        }
        if let (Some(command), Some(id)) = (pay::policy(&event), event.order_id()) {
            self.pay(id, &command);
        }
        if let Some(command) = product::policy(&event) {
            self.product(&command);
        }
        if message::policy(&event).is_some() {
            self.notices.push(event.clone());
        }
        if let Some(id) = event.order_id() {
            let mut page = self.pages.remove(&id);
            view::project(&mut page, &event);
            self.pages.extend(page.map(|page| (id, page)));
        }
        true
    }

    fn step(&mut self, step: &Step) {
        let id = |nth: usize| number(nth) + 1;
        match *step {
            Step::Order { quantity, payment } => self.place(quantity, payment),
            Step::Cancel(nth) => self.order(id(nth), &order::Command::Cancel),
            Step::Start(nth) => self.product(&product::Command::Start { order_id: id(nth) }),
            Step::Complete(nth) => self.product(&product::Command::Complete { order_id: id(nth) }),
            Step::Stock(stock) if self.shelf.product.as_ref().is_some_and(|p| p.listed) => {
                self.product(&product::Command::SetStock {
                    product_id: 1,
                    stock,
                });
            }
            Step::Stock(stock) => {
                self.product(&product::Command::Register {
                    item: ITEM.into(),
                    stock,
                });
            }
            Step::Deliver(nth) => {
                self.deliver(nth);
            }
        }
        self.check_always();
    }

    fn check_always(&self) {
        if let Some(product) = &self.shelf.product {
            let held = |status| {
                let all = self
                    .shelf
                    .deliveries
                    .values()
                    .filter(move |d| d.status == status);
                all.map(|d| d.order_qty).sum::<u64>()
            };
            let promised = held(DeliveryStatus::Prepared) + held(DeliveryStatus::Started);
            assert_eq!(product.reserved, promised, "reserved is what is promised");
            assert!(product.reserved <= product.stock);
            let queue = self.shelf.deliveries.values();
            let queue = queue
                .filter(|d| d.status == DeliveryStatus::Backordered)
                .count();
            assert_eq!(product.waiting, number(queue));
        }
        for (id, delivery) in &self.shelf.deliveries {
            let refunded = matches!(self.payments.get(id), Some(Payment::Canceled(_)));
            let delivered = delivery.status == DeliveryStatus::Completed;
            assert!(
                !(delivered && refunded),
                "order {id} is both delivered and refunded"
            );
        }
    }

    fn check_quiet(&self) {
        for (id, order) in &self.orders {
            let paid = matches!(self.payments.get(id), Some(Payment::Approved(_)));
            let status = self
                .shelf
                .deliveries
                .get(id)
                .map(|delivery| delivery.status);
            match order.state {
                State::Refused => assert!(!paid && status.is_none(), "order {id} was refused"),
                State::Canceled => assert!(!paid && status == Some(DeliveryStatus::Canceled)),
                State::Accepted(stage) => {
                    assert!(paid, "order {id} is accepted, so it is paid");
                    assert_eq!(status.map(DeliveryStatus::word), stage.word());
                }
                state => panic!("order {id} is still {state:?}"),
            }
            let page = self.pages.get(id);
            assert_eq!(page.is_some(), order.is_visible());
            assert_eq!(
                page.and_then(|page| page.status.as_deref()),
                order.status().filter(|_| page.is_some())
            );
        }
        let told = self
            .log
            .iter()
            .filter(|event| message::policy(event).is_some())
            .count();
        assert_eq!(
            self.notices.len(),
            told,
            "one message for every notifying event"
        );
        // Nobody waits at the head of the queue for what is there.
        let mut queue = self.shelf.deliveries.values();
        let head = queue.find(|d| d.status == DeliveryStatus::Backordered);
        if let (Some(head), Some(product)) = (head, &self.shelf.product) {
            assert!(
                product.available() < head.order_qty,
                "{head:?} could be prepared"
            );
        }
    }
}

fn publish(
    log: &mut Vec<ShopEvent>,
    streams: &mut BTreeMap<u64, VecDeque<ShopEvent>>,
    event: ShopEvent,
) {
    log.push(event.clone());
    streams
        .entry(event.order_id().unwrap_or(0))
        .or_default()
        .push_back(event);
}

fn number(count: usize) -> u64 {
    u64::try_from(count).expect("a short test")
}

fn step() -> impl Strategy<Value = Step> {
    let answer = prop_oneof![
        4 => Just(Answer::Approved),
        1 => Just(Answer::LostBefore),
        1 => Just(Answer::LostAfter),
    ];
    prop_oneof![
        3 => (1_u64..5, answer).prop_map(|(quantity, payment)| Step::Order { quantity, payment }),
        2 => (0_usize..8).prop_map(Step::Cancel),
        2 => (0_usize..8).prop_map(Step::Start),
        2 => (0_usize..8).prop_map(Step::Complete),
        1 => (0_u64..12).prop_map(Step::Stock),
        8 => (0_usize..16).prop_map(Step::Deliver),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 512,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_happens_the_books_balance(steps in prop::collection::vec(step(), 0..80)) {
        let mut shop = Shop::default();
        steps.iter().for_each(|step| shop.step(step));
        // Each event causes a bounded number of others: far fewer than this.
        for _ in 0..10_000 {
            if !shop.deliver(0) {
                break;
            }
            shop.check_always();
        }
        shop.check_quiet();
    }
}

#[test]
fn every_state_of_an_order_can_be_reached() {
    let ordered = |quantity| Step::Order {
        quantity,
        payment: Answer::Approved,
    };
    let mut shop = Shop::default();
    let mut seen = Vec::new();
    let mut play = |steps: &[Step]| {
        steps.iter().for_each(|step| shop.step(step));
        seen.extend(shop.orders.values().map(|order| order.state));
    };
    let settle: Vec<Step> = (0..20).map(|_| Step::Deliver(0)).collect();
    play(&[Step::Stock(3), ordered(2), ordered(2)]);
    play(&[Step::Order {
        quantity: 1,
        payment: Answer::LostBefore,
    }]);
    play(&settle);
    play(&[Step::Start(0)]);
    play(&settle);
    play(&[Step::Cancel(1), Step::Complete(0), Step::Cancel(0)]);
    play(&settle);
    for state in [
        State::Refused,
        State::Accepted(Stage::Ordered),
        State::Accepted(Stage::Prepared),
        State::Accepted(Stage::Backordered),
        State::Accepted(Stage::Started),
        State::Accepted(Stage::Completed),
        State::Canceling(Stage::Started),
        State::Canceling(Stage::Backordered),
        State::Canceled,
    ] {
        assert!(seen.contains(&state), "{state:?} was not seen");
    }
}
