//! The shop's contexts together, over memory: the documented calls, what outages and crashes do,
//! and what bad input gets.

mod bad_input;
mod cancel;
mod database;
mod documented;
mod lost_replies;
mod outages;
mod stock;
mod town;
