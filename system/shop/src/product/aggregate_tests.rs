//! The stock's rules, one by one. What holds over any sequence is in `tests/saga.rs`.

use super::*;

fn prepare_order(order_id: u64, order_qty: u64) -> Command {
    Command::Prepare {
        order_id,
        item: "tv".into(),
        order_qty,
    }
}

fn run(shelf: &mut Shelf, command: &Command) -> Result<Vec<Event>, Rejection> {
    let events = decide(shelf, command)?;
    events.iter().for_each(|event| apply(shelf, event));
    Ok(events)
}

fn shelf(commands: &[Command]) -> Shelf {
    let mut shelf = Shelf::default();
    for command in commands {
        run(&mut shelf, command).expect("the test's commands are legal");
    }
    shelf
}

fn stocked(stock: u64) -> Command {
    Command::Register {
        item: "tv".into(),
        stock,
    }
}

fn figures(shelf: &Shelf) -> (u64, u64, u64) {
    let product = shelf.product.as_ref().expect("the tests stock it");
    (product.stock, product.reserved, product.waiting)
}

fn status(shelf: &Shelf, order_id: u64) -> DeliveryStatus {
    shelf.deliveries[&order_id].status
}

#[test]
fn a_delivery_goes_its_way_and_the_stock_falls_at_its_end() {
    let mut shelf = shelf(&[stocked(5), prepare_order(1, 3)]);
    assert_eq!(figures(&shelf), (5, 3, 0));
    run(&mut shelf, &Command::Start { order_id: 1 }).expect("it is prepared");
    assert_eq!(figures(&shelf), (5, 3, 0));
    run(&mut shelf, &Command::Complete { order_id: 1 }).expect("it is started");
    assert_eq!(figures(&shelf), (2, 0, 0));
    assert_eq!(
        run(&mut shelf, &Command::Complete { order_id: 1 }),
        Ok(vec![])
    );
}

#[test]
fn who_comes_later_does_not_overtake() {
    let shelf = shelf(&[stocked(3), prepare_order(1, 5), prepare_order(2, 2)]);
    assert_eq!(status(&shelf, 1), DeliveryStatus::Backordered);
    assert_eq!(status(&shelf, 2), DeliveryStatus::Backordered);
}

#[test]
fn new_stock_serves_the_queue_in_order() {
    let mut shelf = shelf(&[
        prepare_order(1, 5),
        prepare_order(2, 2),
        prepare_order(3, 1),
    ]);
    assert_eq!(figures(&shelf), (0, 0, 3));
    let events = run(&mut shelf, &stocked(7)).expect("it was not listed");
    assert!(events.contains(&Event::Told(ShopEvent::StockAvailable {
        item: "tv".into()
    })));
    run(&mut shelf, &Command::ServeQueue { item: "tv".into() }).expect("it always may");
    assert_eq!(figures(&shelf), (7, 7, 1));
    assert_eq!(status(&shelf, 2), DeliveryStatus::Prepared);
    assert_eq!(status(&shelf, 3), DeliveryStatus::Backordered);
}

#[test]
fn a_cancellation_releases_and_serves_who_waits() {
    let mut shelf = shelf(&[stocked(2), prepare_order(1, 2), prepare_order(2, 1)]);
    let events = run(&mut shelf, &Command::Cancel { order_id: 1 }).expect("nothing is completed");
    assert_eq!(figures(&shelf), (2, 0, 1));
    assert_eq!(
        events,
        [
            ShopEvent::DeliveryCanceled { order_id: 1 },
            ShopEvent::CancelAccepted { order_id: 1 },
            ShopEvent::StockAvailable { item: "tv".into() },
        ]
        .map(Event::Told)
    );
}

#[test]
fn a_head_that_leaves_the_queue_lets_the_next_one_pass() {
    let mut shelf = shelf(&[stocked(3), prepare_order(1, 5), prepare_order(2, 2)]);
    let events = run(&mut shelf, &Command::Cancel { order_id: 1 }).expect("it only waits");
    assert!(events.contains(&Event::Told(ShopEvent::StockAvailable {
        item: "tv".into()
    })));
}

#[test]
fn a_completed_delivery_cannot_be_cancelled() {
    let started = [
        stocked(1),
        prepare_order(1, 1),
        Command::Start { order_id: 1 },
    ];
    let mut shelf = shelf(&[&started[..], &[Command::Complete { order_id: 1 }]].concat());
    let refused = vec![Event::Told(ShopEvent::CancelRefused { order_id: 1 })];
    assert_eq!(
        run(&mut shelf, &Command::Cancel { order_id: 1 }),
        Ok(refused)
    );
}

#[test]
fn a_cancellation_before_its_delivery_stops_it() {
    let mut shelf = shelf(&[stocked(1), Command::Cancel { order_id: 1 }]);
    let status = DeliveryStatus::Canceled;
    let rejection = Err(Rejection::AlreadyDecided { status });
    assert_eq!(run(&mut shelf, &prepare_order(1, 1)), rejection);
    assert_eq!(figures(&shelf), (1, 0, 0));
}

#[test]
fn an_operator_is_told_what_does_not_fit() {
    let mut shelf = shelf(&[stocked(2), prepare_order(1, 2), prepare_order(2, 1)]);
    let start = |order_id| Command::Start { order_id };
    assert_eq!(run(&mut shelf, &start(9)), Err(Rejection::NoSuchDelivery));
    let needed = DeliveryStatus::Prepared;
    let wrong = Rejection::WrongStatus {
        status: DeliveryStatus::Backordered,
        needed,
    };
    assert_eq!(run(&mut shelf, &start(2)), Err(wrong));
    let needed = DeliveryStatus::Started;
    let early = Rejection::WrongStatus {
        status: DeliveryStatus::Prepared,
        needed,
    };
    assert_eq!(
        run(&mut shelf, &Command::Complete { order_id: 1 }),
        Err(early)
    );
    let reserved = Rejection::Reserved {
        reserved: 2,
        stock: 1,
    };
    assert_eq!(
        run(
            &mut shelf,
            &Command::SetStock {
                product_id: 1,
                stock: 1
            }
        ),
        Err(reserved)
    );
    let twice = Rejection::AlreadyRegistered { item: "tv".into() };
    assert_eq!(run(&mut shelf, &stocked(1)), Err(twice));
}

#[test]
fn a_long_queue_is_served_batch_by_batch() {
    let mut shelf = shelf(&[
        prepare_order(1, 1),
        prepare_order(2, 1),
        prepare_order(3, 1),
    ]);
    run(&mut shelf, &stocked(9)).expect("it was not listed");
    let unseen = shelf.deliveries.split_off(&3);
    let serve = Command::ServeQueue { item: "tv".into() };
    let events = run(&mut shelf, &serve).expect("it always may");
    let again = Event::Told(ShopEvent::StockAvailable { item: "tv".into() });
    assert_eq!(events.last(), Some(&again));
    shelf.deliveries.extend(unseen);
    let events = run(&mut shelf, &serve).expect("it always may");
    assert!(!events.contains(&again));
    assert_eq!(figures(&shelf), (9, 3, 0));
}

#[test]
fn a_shelf_read_across_a_commit_is_torn() {
    let mut shelf = Shelf::default();
    let item = || "tv".to_owned();
    let prepare = Command::Prepare {
        order_id: 1,
        item: item(),
        order_qty: 2,
    };
    for command in [
        Command::Register {
            item: item(),
            stock: 5,
        },
        prepare,
    ] {
        for event in decide(&shelf, &command).expect("nothing is against it") {
            apply(&mut shelf, &event);
        }
    }
    assert!(!shelf.is_torn());
    let mut later = shelf.clone();
    for event in decide(&shelf, &Command::Cancel { order_id: 1 }).expect("it can be cancelled") {
        apply(&mut later, &event);
    }
    let torn = Shelf {
        product: later.product,
        ..shelf
    };
    assert!(torn.is_torn());
}
