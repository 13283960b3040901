//! Request and reply over a [`Transport`](crate::net::Transport) stream: how a remote database and
//! a remote broker are called.
//!
//! One connection carries many calls at once; replies come in any order, because some calls wait
//! (a poll, a look at an empty outbox). On the wire, each way, is a sequence of frames:
//!
//! ```text
//! length: u32 | call id: u64 | kind: u8 | body: MessagePack        (numbers big-endian)
//! ```
//!
//! [`Client`] connects when first used and again after a connection has died. [`serve`] answers.

mod client;
mod server;
#[cfg(test)]
mod tests;

pub use client::{Client, Settings};
pub use server::serve;

use bytes::{Buf, BufMut, Bytes};
use serde::Serialize;
use tokio_util::codec::LengthDelimitedCodec;

/// Largest frame, in bytes: a full page of 1 000 resources of 16 KiB each.
pub const MAX_FRAME_BYTES: usize = 16 * 1024 * 1024;

/// Calls under way on one connection. A client lets further calls wait for a free place; a server
/// reads no further request while it has this many.
pub const MAX_CALLS: usize = 256;

const HEAD_BYTES: usize = 9;

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RpcError {
    /// The request was surely not executed: no connection could be had for it in time.
    #[error("not sent: {0}")]
    NotSent(String),
    /// The request was sent and no answer came: it may or may not have been executed.
    #[error("no answer: {0}")]
    Unknown(String),
    /// Request or answer is too large or does not parse: repeating cannot mend it. An answer that
    /// is too large was executed all the same.
    #[error("refused: {0}")]
    Refused(String),
}

/// What a frame's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A request or its answer.
    Message,
    /// Instead of an answer: a text that says why there is none.
    Refusal,
}

/// One frame without its length.
#[derive(Debug)]
struct Frame {
    call: u64,
    kind: Kind,
    body: Bytes,
}

impl Frame {
    /// Takes a frame's content apart; `None` when it is no frame of this protocol.
    fn parse(mut content: Bytes) -> Option<Self> {
        if content.len() < HEAD_BYTES {
            return None;
        }
        let call = content.get_u64();
        let kind = match content.get_u8() {
            0 => Kind::Message,
            1 => Kind::Refusal,
            _ => return None,
        };
        Some(Self {
            call,
            kind,
            body: content,
        })
    }

    /// Puts a frame's content together.
    ///
    /// # Errors
    /// A text for people when `body` cannot be written or is larger than [`MAX_FRAME_BYTES`].
    fn content(call: u64, kind: Kind, body: &(impl Serialize + ?Sized)) -> Result<Bytes, String> {
        let mut content = Vec::with_capacity(512);
        content.put_u64(call);
        content.put_u8(match kind {
            Kind::Message => 0,
            Kind::Refusal => 1,
        });
        rmp_serde::encode::write(&mut content, body).map_err(|error| error.to_string())?;
        if content.len() > MAX_FRAME_BYTES {
            let size = content.len();
            return Err(format!("{size} bytes, at most {MAX_FRAME_BYTES} fit"));
        }
        Ok(content.into())
    }
}

fn codec() -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder()
        .max_frame_length(MAX_FRAME_BYTES)
        .new_codec()
}
