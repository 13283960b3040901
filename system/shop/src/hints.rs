//! The places of the shop's own code that name themselves: see [`squall_kit::hints`], where the
//! kit's are.

squall_kit::hints! {
    /// An order is in the database and payment was not asked yet.
    ORDER_PENDING = "order: pending committed";
    /// Payment has answered, or has not, and the order does not say so yet.
    ORDER_ANSWERED = "order: between payment and commit";
    /// Nobody knows what came of asking payment: it is asked again, with the same key.
    ORDER_PAYMENT_ASKED_AGAIN = "order: payment asked again";
    /// An order is accepted.
    ORDER_ACCEPTED = "order: accepted";
    /// An order is refused, and surely not paid.
    ORDER_REFUSED = "order: refused";
    /// An order is refused, and perhaps paid: its payment is abandoned.
    ORDER_ABANDONED = "order: payment abandoned";
    /// A payment was approved, but the recovery had refused its order.
    ORDER_PAID_TOO_LATE = "order: paid too late";
    /// The recovery settled an order that its front had left pending.
    ORDER_RECOVERED = "order: settled by recovery";
    /// The recovery came too late: the front had accepted the order.
    ORDER_RECOVERY_LOST = "order: recovery came too late";
    /// A cancellation is asked for, and product not told yet.
    ORDER_CANCEL_REQUESTED = "order: cancellation requested";
    /// A cancellation is asked for again.
    ORDER_CANCEL_REPEATED = "order: cancellation repeated";
    /// A cancellation of a delivery known to be completed.
    ORDER_CANCEL_TOO_LATE = "order: cancellation too late";
    /// A cancellation met an event about the same order.
    ORDER_CANCEL_CONFLICT = "order: cancellation met an event";
    /// Product agreed to a cancellation.
    ORDER_CANCEL_WON = "order: cancellation won";
    /// Product refused a cancellation: the status before is back.
    ORDER_CANCEL_WITHDRAWN = "order: cancellation withdrawn";
    /// The delivery moved on while a cancellation was asked for.
    ORDER_MOVED_CANCELING = "order: delivery moved while canceling";

    /// A payment is committed and its caller does not know yet.
    PAY_COMMITTED = "pay: committed, not answered";
    /// A request was answered with the first answer to its key.
    PAY_REPEATED = "pay: first answer given again";
    /// A key came with another body than before.
    PAY_KEY_REUSED = "pay: key reused for another request";
    /// Two requests about one payment met.
    PAY_CONFLICT = "pay: two requests met";
    /// A request came after its order was refused.
    PAY_REFUSED_LATE = "pay: abandoned key refused";
    /// A key was abandoned before anybody paid with it.
    PAY_ABANDONED_FIRST = "pay: key abandoned before its request";
    /// A payment was given back because its order was refused.
    PAY_ABANDONED = "pay: payment of a refused order given back";
    /// A payment was given back because its order was cancelled.
    PAY_GIVEN_BACK = "pay: payment of a cancelled order given back";

    /// A delivery waits for stock.
    PRODUCT_BACKORDERED = "product: delivery backordered";
    /// A delivery that had waited got its pieces.
    PRODUCT_QUEUE_SERVED = "product: queue served";
    /// A cancellation came before the order it is about.
    PRODUCT_CANCELED_FIRST = "product: cancelled before any delivery";
    /// A delivery that waited for stock was cancelled.
    PRODUCT_CANCELED_WAITING = "product: waiting delivery cancelled";
    /// A delivery on its way was cancelled.
    PRODUCT_CANCELED_UNDER_WAY = "product: delivery under way cancelled";
    /// A cancellation came after the point of no return.
    PRODUCT_CANCEL_REFUSED = "product: cancellation refused";
    /// A delivery arrived and left the stock.
    PRODUCT_STOCK_DECREASED = "product: stock decreased";
    /// Two decisions about one item met.
    PRODUCT_CONFLICT = "product: two decisions met";
}
