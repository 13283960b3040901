//! `squall serve shop`, as its users meet it: over TCP, killed, ended, and started badly.

mod bad_start;
mod books;
mod documented;
mod ending;
mod killed;
mod load;
#[path = "../support/mod.rs"]
mod support;
