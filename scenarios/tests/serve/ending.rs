//! Asked to end, it finishes what is under way.

use crate::support::{client::Request, program::Shop};

/// A request that has begun when the signal comes is answered, gateway, order and payment included.
fn an_order_under_way_is_answered_after(signal: &str) {
    let data = tempfile::tempdir().expect("a temporary directory");
    let mut shop = Shop::serve(data.path());
    let port = 8088 + shop.offset;
    let body = br#"{"item": "tv", "orderQty": "3", "price": "1000"}"#;
    let request = Request::begin("POST", port, "/orders", body).expect("a connection");
    // Answered on a later connection: the earlier one has been accepted.
    assert_eq!(shop.get(8088, "/orders").status, 200);
    shop.running.signal(signal);
    // The order is complete only once nobody is let in any more.
    crate::support::eventually(|| Request::begin("GET", port, "/orders", b"").err())
        .expect("the port closes");
    let reply = request.finish().expect("an answer");
    assert_eq!(reply.status, 201, "{reply:?}");
    assert_eq!(shop.running.wait().code(), Some(0));
    assert_eq!(shop.running.err(), "");

    let again = Shop::serve(data.path());
    assert_eq!(
        again.get(8081, &format!("/orders/{}", reply.id())).status,
        200
    );
}

#[test]
fn ctrl_c_ends_it_cleanly() {
    an_order_under_way_is_answered_after("INT");
}

#[test]
fn sigterm_ends_it_cleanly() {
    an_order_under_way_is_answered_after("TERM");
}

#[test]
fn the_second_ctrl_c_gives_up_what_is_under_way() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let mut shop = Shop::serve(data.path());
    let port = 8088 + shop.offset;
    let _never_finished = Request::begin("POST", port, "/orders", b"{}").expect("a connection");
    assert_eq!(shop.get(8088, "/orders").status, 200);
    shop.running.signal("INT");
    crate::support::eventually(|| Request::begin("GET", port, "/orders", b"").err())
        .expect("the port closes");
    assert!(!shop.running.has_ended(), "a request is under way");
    shop.running.signal("INT");
    assert_eq!(shop.running.wait().code(), Some(130));
}
