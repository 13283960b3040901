//! # shop: product delivery
pub mod customercenter;
pub mod event;
pub mod notice;
pub mod order;
pub mod pay;
pub mod product;
