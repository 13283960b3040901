//! What the tests of the real program share: the program, a client, and patience.

#![allow(
    dead_code,
    reason = "each test program uses its own part of what they share"
)]

pub(crate) mod client;
pub(crate) mod program;

use std::{thread, time::Duration};

/// Between two looks at the real world, and how many looks are taken: 60 s altogether.
const PAUSE: Duration = Duration::from_millis(50);
const LOOKS: u32 = 1200;

/// Looks until there is something to see. `None`: it never came.
#[expect(
    clippy::disallowed_methods,
    reason = "another process works in real time"
)]
pub(crate) fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    for _ in 0..LOOKS {
        if let Some(seen) = look() {
            return Some(seen);
        }
        thread::sleep(PAUSE);
    }
    None
}
