//! The counterpart of [`volume_survives`](super::volume_survives): nothing is mounted where the
//! database of order has its files.

use squall_reports::{
    requests::Requests,
    sla::{Lost, NoneAccepted},
    window::Window,
};
use squall_sim::{
    load::{Answer, Request, Share, Step},
    manifest::{Operation, Patch},
};

use super::{
    cluster::doubled,
    control_plane::after,
    invariants::{orders, without_orders},
    volume_survives::{LOOK, ORDER_AND_WAIT, look_later, struck},
};
use crate::scenario::Scenario;

const NOTHING_MOUNTED: &[Operation] = &[Operation::remove(
    "/spec/template/spec/containers/0/volumeMounts",
)];

/// Who looks finds nothing.
const LOOK_IN_VAIN: Request = Request {
    expect: &[Answer::Status(404)],
    ..LOOK
};

const MIX: &[Share] = &look_later(&[
    ORDER_AND_WAIT[0],
    ORDER_AND_WAIT[1],
    Step::Request(LOOK_IN_VAIN),
]);

/// The scenario.
pub(super) fn scenario() -> Scenario {
    let mut cluster = doubled();
    let patch = Patch::edit("StatefulSet/order-store", NOTHING_MOUNTED);
    cluster.patches.push(patch);
    struck(
        "shop/volume-missing",
        "The database of order ends and is started again, its files in its container: every \
         acknowledged order is gone, though it was paid for and delivered.",
        cluster,
        MIX,
        vec![
            Box::new(Lost {
                requests: Requests::to("POST", "/orders"),
                window: Window::Run,
                collection: orders(),
            }),
            Box::new(NoneAccepted {
                requests: Requests::to("GET", "/orders/{order}"),
                window: after(0, 0),
            }),
        ],
        without_orders(),
    )
}
