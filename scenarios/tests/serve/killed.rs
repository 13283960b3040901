//! Killed under load and started again, it has lost nothing it said and repeats nothing it did.

use std::{collections::BTreeMap, fs, path::Path, thread, time::Duration};

use squall_kit::{
    bus::{
        Broker as _,
        log::{Log, Settings},
    },
    clock::Clock,
    store::{
        Database as _,
        sqlite::{Sqlite, Threads},
    },
};

use crate::{
    books::Books,
    load::Clients,
    support::{
        eventually,
        program::{Running, Shop, free_offset, serve_args},
    },
};

const CLIENTS: u64 = 8;
/// Every so many accepted orders the program is killed.
const ORDERS_A_LIFE: usize = 150;
const KILLS: usize = 2;
const STOCK: u64 = 1_000_000;

#[test]
fn killed_under_load_it_loses_no_acknowledged_order_and_repeats_no_event() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let mut shop = Shop::serve(data.path());
    let product = format!(r#"{{"item": "tv", "stock": {STOCK}}}"#);
    assert_eq!(shop.call("POST", 8082, "/products", &product).status, 201);
    let clients = Clients::default();
    for kill in 1..=KILLS {
        shop = under_load(shop, &clients, kill);
    }
    let mut books = Books::read(&shop);
    eventually(|| {
        books = Books::read(&shop);
        let faults = clients.told(|ledger| books.faults(ledger, STOCK));
        faults.is_empty().then_some(())
    });
    let faults = clients.told(|ledger| books.faults(ledger, STOCK));
    assert!(faults.is_empty(), "{} faults: {faults:#?}", faults.len());
    let (orders, given_back) = books.counts();
    clients.told(|told| {
        println!(
            "{KILLS} kills: {} orders accepted, {} of them cancelled, {} delivered, {} refused, \
             {} unanswered; {orders} orders found, {given_back} payments given back without one",
            told.accepted.len(),
            told.cancelled.len(),
            told.completed.len(),
            told.refused,
            told.unanswered,
        );
        assert!(!told.cancelled.is_empty() && !told.completed.is_empty());
    });
    assert_eq!(shop.end("TERM").code, Some(0));
    nothing_is_left_undone(&data.path().join("shop"), orders);
}

/// Lets the clients order until enough is accepted, kills the program in the middle, serves again.
#[expect(
    clippy::disallowed_methods,
    reason = "clients of a real program are real threads"
)]
fn under_load(shop: Shop, clients: &Clients, kill: usize) -> Shop {
    let round = Clients::default();
    let (offset, enough) = (shop.offset, ORDERS_A_LIFE);
    let shop = thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (round, client) = (&round, client + CLIENTS * kill as u64);
            scope.spawn(move || round.order(client, offset));
        }
        let reached = eventually(|| round.told(|it| it.accepted.len() >= enough).then_some(()));
        let shop = shop.kill_and_serve_again_after(|| round.send_home());
        assert_eq!(
            reached,
            Some(()),
            "{enough} orders are accepted within a minute"
        );
        shop
    });
    round.told(|round| {
        clients.told(|all| {
            let accepted = all.accepted.len() + round.accepted.len();
            all.accepted.append(&mut round.accepted);
            assert_eq!(all.accepted.len(), accepted, "an id was given twice");
            all.cancelled.append(&mut round.cancelled);
            all.completed.append(&mut round.completed);
            all.refused += round.refused;
            all.unanswered += round.unanswered;
        });
    });
    shop
}

/// Looks into the files of a shop that has ended: every event was published, heard by everybody,
/// and told once.
fn nothing_is_left_undone(folder: &Path, orders: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let runtime = runtime.expect("a runtime");
    let open = |context: &str| {
        let path = folder.join(format!("{context}.db"));
        Sqlite::file(&path, Clock::system(), Threads::Inline).expect("a database")
    };
    for context in ["order", "pay", "product"] {
        let waiting = runtime.block_on(open(context).outbox(1, 0));
        assert_eq!(
            waiting,
            Ok(Vec::new()),
            "{context} has published everything"
        );
    }
    let records = open("order").records().expect("orders");
    let states: Vec<_> = records
        .iter()
        .filter(|(key, _)| key.collection == "orders")
        .map(|(_, order)| order["state"].to_string())
        .collect();
    assert!(states.len() >= orders, "refused orders are kept, too");
    let pending = states.iter().filter(|state| state.contains("pending"));
    assert_eq!(pending.count(), 0, "{states:?}");

    let log = Log::file(
        &folder.join("broker.db"),
        Settings::default(),
        Threads::Inline,
    );
    let log = log.expect("the broker's log");
    let mut told: BTreeMap<String, u32> = BTreeMap::new();
    for delivery in log.events("shop").expect("events") {
        if squall_shop::NOTIFYING.contains(&delivery.event.kind.as_str()) {
            // It may lie there twice: killed between the append and its mark.
            told.insert(delivery.event.id, 0);
        }
    }
    for (key, notice) in open("notice").records().expect("notices") {
        if key.collection == "notices" {
            let event = notice["eventId"].as_str().expect("the event it tells of");
            *told.get_mut(event).expect("an event of the log") += 1;
        }
    }
    assert!(told.len() > orders);
    let wrong: Vec<_> = told.iter().filter(|(_, times)| **times != 1).collect();
    assert!(wrong.is_empty(), "not told once: {wrong:?}");
    for group in squall_shop::CONTEXTS
        .iter()
        .filter_map(|context| context.group)
    {
        let lag = runtime.block_on(log.lag("shop".to_owned(), group.to_owned()));
        assert_eq!(lag, Ok(0), "{group} has heard everything");
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a real start is interrupted in real time"
)]
fn killed_while_starting_it_still_starts() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let offset = free_offset();
    for pause_ms in [0, 1, 2, 4, 8, 16, 32, 64] {
        let starting = Running::start(serve_args(data.path(), offset));
        thread::sleep(Duration::from_millis(pause_ms));
        starting.kill();
    }
    let shop = Shop::serve(data.path());
    let body = r#"{"item": "tv", "orderQty": "3", "price": "1000"}"#;
    assert_eq!(shop.call("POST", 8088, "/orders", body).id(), 1);
    assert!(fs::exists(data.path().join("shop/order.db")).expect("a directory"));
}
