//! notice: one KakaoTalk message for every change of state a customer cares about.

pub mod message;
