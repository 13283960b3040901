//! What a call tells of itself: one `CallSent`, and whatever becomes of it, one `CallEnded`; of one
//! that found no connection, `CallEnded` alone.

use super::call::{Answer, Call, CallError};
use crate::signal::{Admission, Signal, Signals};

pub(super) struct Report {
    signals: Signals,
    target: String,
    method: String,
    path: String,
    key: Option<String>,
    under_way: bool,
}

impl Report {
    pub(super) fn new(signals: Signals, call: &Call) -> Self {
        Self {
            signals,
            target: call.target.clone(),
            method: call.method.to_string(),
            path: call.path.clone(),
            key: call.key.clone(),
            under_way: false,
        }
    }

    /// The request is being handed to the network.
    pub(super) fn sent(&mut self) {
        self.under_way = true;
        self.signals.tell(Signal::CallSent {
            target: self.target.clone(),
            method: self.method.clone(),
            path: self.path.clone(),
            key: self.key.clone(),
            admission: Admission::current(),
        });
    }

    /// The call is over. One that was never handed over ends all the same: that nobody answers is
    /// what a caller's view of its callee's uptime is made of.
    pub(super) fn ended(&mut self, result: &Result<Answer, CallError>) {
        match result {
            Ok(answer) => self.close(Some(answer.status.as_u16()), None, answer.problem()),
            Err(error) => self.close(None, Some(error.to_string()), None),
        }
    }

    fn close(&mut self, status: Option<u16>, error: Option<String>, problem: Option<String>) {
        self.under_way = false;
        self.signals.tell(Signal::CallEnded {
            target: self.target.clone(),
            method: self.method.clone(),
            path: self.path.clone(),
            status,
            error,
            problem,
            key: self.key.clone(),
        });
    }
}

/// A caller that gives up (its own timeout, a caller of its own that hung up) drops the call.
impl Drop for Report {
    fn drop(&mut self) {
        if self.under_way {
            self.close(None, Some("given up by the caller".into()), None);
        }
    }
}
