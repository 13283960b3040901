//! pay: approves payments, gives them back.

pub mod aggregate;
