//! Ends that connections meet other than by both sides closing them: given up, reset, orphaned,
//! dark.

use std::sync::Arc;

use turmoil_net::TcpFlags;

use super::{
    connection::{CLIENT, Child, Connection, Phase, SERVER, State},
    link::Link,
    shared::{Request, lock},
    wire::{Flight, Wire, bare_packet},
};

/// How long a half-closed connection without an owner stays (Linux: `tcp_fin_timeout`).
const ORPHAN_MS: u64 = 60_000;

impl Wire {
    /// Does what sockets asked for since the last pass.
    pub(super) fn serve_requests(&mut self) {
        let requests = std::mem::take(&mut *lock(&self.run.requests));
        for request in requests {
            match request {
                Request::GiveUp(connection) => self.give_up(&connection),
                Request::Closed(connection) => self.adopt(connection),
                Request::Abort(connection, side) => {
                    self.abort(&connection, &mut lock(&connection.state), side);
                    self.adopt(connection);
                }
            }
        }
    }

    /// A caller dropped its connect. Wherever the handshake is, no trace of it may stay: a
    /// half-open child would block its four numbers for ever, and count against the backlog.
    fn give_up(&mut self, connection: &Arc<Connection>) {
        let mut state = lock(&connection.state);
        let key = state.key;
        self.lane(key.client.slot, key.server.slot).effects.given_up += 1;
        state.sides[CLIENT].done = true;
        // While the SYN-ACK has not left, its leaving will end it.
        if matches!(state.child, Child::Answered(..)) {
            self.withdraw(connection, &mut state);
        }
        self.forget(connection, &mut state);
    }

    /// Removes the server's half-open socket. The socket layer has no call for that, so the
    /// handshake is completed, reset, and taken from the accept queue, all before any task can see
    /// it.
    pub(super) fn withdraw(&mut self, connection: &Arc<Connection>, state: &mut State) {
        let Child::Answered(port, sequence) = std::mem::replace(&mut state.child, Child::Gone)
        else {
            return;
        };
        let (client, server) = (state.key.client, state.key.server);
        let flags = TcpFlags {
            ack: true,
            ..TcpFlags::default()
        };
        let expected = sequence.wrapping_add(1);
        self.guard
            .deliver(bare_packet(client, server, flags, expected));
        self.guard.deliver(bare_packet(client, server, RESET, 0));
        port.withdraw(client.address());
        state.sides[SERVER].closed = true;
        state.sides[SERVER].done = true;
        self.forget(connection, state);
        self.run.touch();
    }

    /// One end meets a reset.
    pub(super) fn reset_end(&mut self, state: &mut State, side: usize) {
        let key = state.key;
        let effects = &mut self.lane(key.client.slot, key.server.slot).effects;
        match (state.phase, side) {
            (Phase::Dialing, CLIENT) if state.timed_out => effects.timed_out += 1,
            (Phase::Dialing, CLIENT) => effects.refused += 1,
            (Phase::Open, _) => effects.reset += 1,
            _ => {}
        }
        if side == CLIENT && state.phase == Phase::Dialing {
            state.sides[SERVER].closed = true;
            state.sides[SERVER].done = true;
        }
        state.phase = Phase::Reset;
        state.sides[side].done = true;
        let (to, from) = (state.end(side), state.end(1 - side));
        self.guard.deliver(bare_packet(from, to, RESET, 0));
        self.run.touch();
    }

    /// One end is torn down at once, and tells its peer so.
    pub(super) fn abort(&mut self, connection: &Arc<Connection>, state: &mut State, side: usize) {
        let (from, to) = (state.end(side), state.end(1 - side));
        self.reset_end(state, side);
        if !state.sides[1 - side].closed {
            self.transmit(connection, state, side, bare_packet(from, to, RESET, 0));
        }
    }

    /// Keeps a closed connection in mind until it is finished, or an orphan for too long.
    fn adopt(&mut self, connection: Arc<Connection>) {
        let due_ms = self.run.now_ms() + ORPHAN_MS;
        let mut state = lock(&connection.state);
        if state.finished() {
            let key = state.key;
            self.remove(&connection, key);
            return;
        }
        self.forget(&connection, &mut state);
        drop(state);
        self.orphans.push_back((due_ms, connection));
    }

    /// Frees the sockets of connections that were left for too long.
    pub(super) fn sweep_orphans(&mut self) {
        let now_ms = self.run.now_ms();
        while let Some((due_ms, _)) = self.orphans.front() {
            if *due_ms > now_ms {
                return;
            }
            let Some((_, connection)) = self.orphans.pop_front() else {
                return;
            };
            let mut state = lock(&connection.state);
            if state.finished() {
                continue;
            }
            self.withdraw(&connection, &mut state);
            for side in [CLIENT, SERVER] {
                if state.sides[side].closed {
                    let (to, from) = (state.end(side), state.end(1 - side));
                    self.guard.deliver(bare_packet(from, to, RESET, 0));
                    state.sides[side].done = true;
                }
            }
            if state.sides.iter().all(|side| side.closed) {
                let key = state.key;
                self.remove(&connection, key);
            }
        }
    }

    /// Every connection that has an end in `slot`, with that end's side.
    fn connections_of(&self, slot: u16) -> Vec<(Arc<Connection>, usize)> {
        let connections = lock(&self.run.connections);
        let ends = connections.iter().filter_map(|(key, connection)| {
            let side = if key.client.slot == slot {
                CLIENT
            } else if key.server.slot == slot {
                SERVER
            } else {
                return None;
            };
            Some((connection.clone(), side))
        });
        ends.collect()
    }

    /// The process in `slot` is about to be killed: what it wrote and has not left is lost, and the
    /// connection with it.
    pub(super) fn discard_unsent(&mut self, slot: u16) {
        for (connection, side) in self.connections_of(slot) {
            let mut state = lock(&connection.state);
            if !state.sides[side].done && state.sides[side].written > state.sides[side].sent {
                self.abort(&connection, &mut state, side);
            }
        }
    }

    /// The machine in `slot` goes dark: its sockets are gone and nobody hears of it.
    pub(super) fn darken(&mut self, slot: u16) {
        self.dark.insert(slot);
        for (connection, side) in self.connections_of(slot) {
            let mut state = lock(&connection.state);
            let (to, from) = (state.end(side), state.end(1 - side));
            self.guard.deliver(bare_packet(from, to, RESET, 0));
            state.sides[side].done = true;
            state.sides[side].closed |= !matches!(state.child, Child::Accepted) && side == SERVER;
        }
        self.run.touch();
    }

    /// The machine in `slot` has power again. Packets for its former sockets are answered now.
    pub(super) fn lighten(&mut self, slot: u16) {
        if !self.dark.contains(&slot) {
            return;
        }
        // What the old system still had to say is lost with it.
        self.egress();
        self.dark.remove(&slot);
        let now_ms = self.run.now_ms();
        let (ours, others) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|(_, flight)| flight.to.slot == slot);
        self.waiting = others;
        self.queue.extend(at(now_ms, ours));
    }

    /// Changes one direction; what a partition held arrives when it ends, in its old order.
    pub(super) fn set_link(&mut self, from: u16, to: u16, link: Link) {
        let now_ms = self.run.now_ms();
        let lane = self.lane(from, to);
        lane.link = link;
        if !link.blocked {
            let held = std::mem::take(&mut lane.held);
            self.queue.extend(at(now_ms, held));
        }
    }

    /// Resets the open connections between two slots and discards what is on its way between them;
    /// only what comes from `b` counts as an effect.
    pub(super) fn reset_between(&mut self, a: u16, b: u16) {
        for (connection, side) in self.connections_of(a) {
            let mut state = lock(&connection.state);
            if state.end(1 - side).slot != b || state.phase != Phase::Open {
                continue;
            }
            let discarded = self.discard_flights(&connection, b);
            state.in_flight = 0;
            self.lane(b, a).effects.dropped += discarded;
            self.withdraw(&connection, &mut state);
            self.reset_end(&mut state, side);
            self.reset_end(&mut state, 1 - side);
            self.forget(&connection, &mut state);
        }
    }

    /// Discards everything of one connection; returns how much of it came from `counted`.
    fn discard_flights(&mut self, connection: &Arc<Connection>, counted: u16) -> u64 {
        let mut discarded = 0;
        let mut keep = |flight: &Flight| {
            let ours = flight
                .connection
                .as_ref()
                .is_some_and(|other| Arc::ptr_eq(other, connection));
            discarded += u64::from(ours && flight.from.slot == counted);
            !ours
        };
        self.queue.retain(|_, flight| keep(flight));
        self.waiting.retain(|_, flight| keep(flight));
        for lane in self.lanes.values_mut() {
            lane.held.retain(|_, flight| keep(flight));
        }
        discarded
    }

    /// The slot changes its tenant.
    pub(super) fn vacate(&mut self, slot: u16) {
        self.lighten(slot);
        self.lanes
            .retain(|(from, to), _| *from != slot && *to != slot);
    }
}

/// A reset, and nothing else.
const RESET: TcpFlags = TcpFlags {
    syn: false,
    ack: false,
    fin: false,
    rst: true,
    psh: false,
    urg: false,
};

/// Flights that arrive at `due_ms`, in the order of their sequence numbers.
fn at(
    due_ms: u64,
    flights: impl IntoIterator<Item = (u64, Flight)>,
) -> impl Iterator<Item = ((u64, u64), Flight)> {
    flights
        .into_iter()
        .map(move |(sequence, flight)| ((due_ms, sequence), flight))
}
