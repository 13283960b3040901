//! product: stock and deliveries; decides whether an order can still be cancelled.

pub mod aggregate;
