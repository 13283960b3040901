//! order: the front. What is not paid does not exist.

pub mod aggregate;
