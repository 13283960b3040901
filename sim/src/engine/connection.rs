//! One TCP connection between two hosts, as far as the wire has to know it.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use super::port::Port;

/// Side of the dialling host.
pub(super) const CLIENT: usize = 0;
/// Side of the listening host.
pub(super) const SERVER: usize = 1;

/// One end's place in the network: a slot of the engine and a real port there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct End {
    pub slot: u16,
    pub port: u16,
}

impl End {
    /// Its socket address.
    pub(super) fn address(self) -> SocketAddr {
        SocketAddr::new(address(self.slot), self.port)
    }
}

impl From<SocketAddr> for End {
    fn from(address: SocketAddr) -> Self {
        Self {
            slot: slot(address.ip()),
            port: address.port(),
        }
    }
}

/// The address of a slot in the socket layer: 10.1.x.y.
pub(super) fn address(slot: u16) -> IpAddr {
    let [high, low] = slot.to_be_bytes();
    IpAddr::V4(Ipv4Addr::new(10, 1, high, low))
}

/// The slot that has `address`.
pub(super) fn slot(address: IpAddr) -> u16 {
    match address {
        IpAddr::V4(address) => {
            let [_, _, high, low] = address.octets();
            u16::from_be_bytes([high, low])
        }
        IpAddr::V6(_) => unreachable!("slots have IPv4 addresses only"),
    }
}

/// Both ends of a connection. The dialling end comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub client: End,
    pub server: End,
}

/// A connection, from its connect to the last packet.
pub(super) struct Connection {
    pub state: Mutex<State>,
}

/// What changes in a connection.
pub(super) struct State {
    /// Its ends. The client's port is 0 until its SYN has left.
    pub key: Key,
    /// How far the handshake has come, from the client's point of view.
    pub phase: Phase,
    /// How far it has come on the server.
    pub child: Child,
    /// SYNs dropped so far by a full backlog or a dark machine, and when the first was.
    pub syn_drops: usize,
    pub first_drop_ms: u64,
    /// The last retry was in vain: the client's error is `TimedOut`.
    pub timed_out: bool,
    /// Packets scheduled or held.
    pub in_flight: usize,
    /// [`CLIENT`] and [`SERVER`].
    pub sides: [Side; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// No answer yet.
    Dialing,
    /// The caller gave up first: nothing of this connection may arrive any more.
    GivenUp,
    /// Answered.
    Open,
    /// Reset, or refused.
    Reset,
}

/// The server's half-open socket.
pub(super) enum Child {
    /// The SYN has not come through.
    None,
    /// The SYN was admitted; it counts against the port's backlog.
    Admitted(Arc<Port>),
    /// The SYN-ACK has left with this sequence number.
    Answered(Arc<Port>, u32),
    /// The handshake is over; it waits for `accept`.
    Waiting,
    /// The application has it.
    Accepted,
    /// Refused, or removed again.
    Gone,
}

/// One end of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Side {
    /// Bytes the application wrote, and bytes that left.
    pub written: u64,
    pub sent: u64,
    /// The write side was closed: a FIN is to follow the last byte.
    pub shut: bool,
    /// The FIN or a reset has left, or a reset has come: this end sends nothing more.
    pub done: bool,
    /// The application dropped its end, or will never get one.
    pub closed: bool,
    /// Arrival of the latest packet from this end: none may arrive before it (TCP here takes
    /// segments only in order).
    pub last_due_ms: u64,
    /// When the latency of the present burst was drawn.
    pub drawn_at_ms: Option<u64>,
}

impl Side {
    /// True when an acknowledgement may let this end send more.
    pub(super) fn has_unsent(&self) -> bool {
        !self.done && (self.written > self.sent || self.shut)
    }
}

impl Connection {
    /// A connect from `client` to `server`.
    pub(super) fn dial(client_slot: u16, server: End) -> Arc<Self> {
        let client = End {
            slot: client_slot,
            port: 0,
        };
        Arc::new(Self {
            state: Mutex::new(State {
                key: Key { client, server },
                phase: Phase::Dialing,
                child: Child::None,
                syn_drops: 0,
                first_drop_ms: 0,
                timed_out: false,
                in_flight: 0,
                sides: [Side::default(); 2],
            }),
        })
    }
}

impl State {
    /// The end on `side`.
    pub(super) fn end(&self, side: usize) -> End {
        if side == CLIENT {
            self.key.client
        } else {
            self.key.server
        }
    }

    /// True when nothing can follow any more.
    pub(super) fn finished(&self) -> bool {
        self.in_flight == 0 && self.sides.iter().all(|side| side.closed && side.done)
    }
}
