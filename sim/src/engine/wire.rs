//! The wire: takes packets from the socket layer, decides each one's fate, and delivers it when its
//! time has come.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, atomic::Ordering},
};

use turmoil_net::{EnterGuard, Packet, TcpFlags, TcpSegment, Transport};

use super::{
    connection::{CLIENT, Child, Connection, End, Key, Phase, SERVER, State, slot},
    interleaving::Shuffle,
    lane::Lane,
    link::Link,
    shared::{Run, lock},
    trace::Trace,
};

/// Ports from here on belong to dialling ends; every real port of a listener lies below.
const CLIENT_PORTS: u16 = 49_152;

/// When a dropped SYN comes again, in milliseconds after the first (Linux: `tcp_syn_retries`, 1 s
/// doubling), and when its connect times out.
const SYN_RETRIES_MS: [u64; 5] = [1_000, 3_000, 7_000, 15_000, 31_000];
const SYN_TIMEOUT_MS: u64 = 63_000;

/// A packet on its way.
pub(super) struct Flight {
    pub from: End,
    pub to: End,
    pub packet: Packet,
    /// `None` for what follows a connection that is forgotten already.
    pub connection: Option<Arc<Connection>>,
}

/// Everything between the hosts of one run.
pub(super) struct Wire {
    pub run: Arc<Run>,
    pub guard: EnterGuard,
    pub seed: u64,
    /// The setting of every lane until it is set.
    pub default_link: Link,
    /// Names of the slots' hosts.
    pub names: Vec<String>,
    /// By arrival in milliseconds, then by sequence number.
    pub queue: BTreeMap<(u64, u64), Flight>,
    pub lanes: BTreeMap<(u16, u16), Lane>,
    /// Slots of machines without power.
    pub dark: BTreeSet<u16>,
    /// What waits for such a machine to come back, by sequence number.
    pub waiting: BTreeMap<u64, Flight>,
    /// When to forget connections that were closed at one end or both.
    pub orphans: VecDeque<(u64, Arc<Connection>)>,
    pub trace: Trace,
    /// Gives packets that arrive together another order.
    pub shuffle: Option<Shuffle>,
    sequence: u64,
    /// Reused from pass to pass.
    packets: Vec<Packet>,
}

impl Wire {
    pub(super) fn new(run: Arc<Run>, guard: EnterGuard, seed: u64, link: Link) -> Self {
        Self {
            run,
            guard,
            seed,
            default_link: link,
            names: Vec::new(),
            queue: BTreeMap::new(),
            lanes: BTreeMap::new(),
            dark: BTreeSet::new(),
            waiting: BTreeMap::new(),
            orphans: VecDeque::new(),
            trace: Trace::default(),
            shuffle: None,
            sequence: 0,
            packets: Vec::new(),
        }
    }

    /// The lane between two slots.
    pub(super) fn lane(&mut self, from: u16, to: u16) -> &mut Lane {
        let (seed, link, names) = (self.seed, self.default_link, &self.names);
        self.lanes.entry((from, to)).or_insert_with(|| {
            let name = |slot: u16| names.get(usize::from(slot)).map_or("", String::as_str);
            Lane::new(seed, name(from), name(to), link)
        })
    }

    /// When the next packet arrives, in milliseconds.
    pub(super) fn next_due_ms(&self) -> Option<u64> {
        self.queue.keys().next().map(|(due_ms, _)| *due_ms)
    }

    /// Takes everything the hosts want to send and puts it on its way. One pass walks every socket
    /// of every host, so there is one for all the work of an instant, and none without work.
    pub(super) fn egress(&mut self) {
        self.run.dirty.store(false, Ordering::Relaxed);
        self.serve_requests();
        self.sweep_orphans();
        let mut packets = std::mem::take(&mut self.packets);
        self.guard.egress_all(&mut packets);
        for packet in packets.drain(..) {
            self.send(packet);
        }
        self.packets = packets;
    }

    /// One packet has left its host.
    fn send(&mut self, packet: Packet) {
        let Transport::Tcp(segment) = &packet.payload else {
            return;
        };
        let from = End {
            slot: slot(packet.src),
            port: segment.src_port,
        };
        let to = End {
            slot: slot(packet.dst),
            port: segment.dst_port,
        };
        let (side, key) = if to.port < CLIENT_PORTS {
            let (client, server) = (from, to);
            (CLIENT, Key { client, server })
        } else {
            let (client, server) = (to, from);
            (SERVER, Key { client, server })
        };
        let connection = if segment.flags.syn && !segment.flags.ack {
            self.dialled(key)
        } else {
            lock(&self.run.connections).get(&key).cloned()
        };
        if self.dark.contains(&from.slot) {
            self.lane(from.slot, to.slot).effects.dropped += 1;
            return;
        }
        let Some(connection) = connection else {
            let due_ms = self.run.now_ms() + self.lane(from.slot, to.slot).latency_ms();
            let connection = None;
            self.schedule(
                due_ms,
                Flight {
                    from,
                    to,
                    packet,
                    connection,
                },
            );
            return;
        };
        let mut state = lock(&connection.state);
        if state.phase == Phase::GivenUp && side == CLIENT && segment.flags.syn {
            self.forget(&connection, &mut state);
            return;
        }
        if segment.flags.syn && side == SERVER {
            state.child = match std::mem::replace(&mut state.child, Child::Gone) {
                Child::Admitted(port) => Child::Answered(port, segment.seq),
                other => other,
            };
            if state.phase == Phase::GivenUp {
                self.withdraw(&connection, &mut state);
                return;
            }
        }
        state.note_sent(side, segment);
        self.transmit(&connection, &mut state, side, packet);
    }

    /// The connection whose SYN has just left, now that its port is known.
    fn dialled(&mut self, key: Key) -> Option<Arc<Connection>> {
        let connection = lock(&self.run.dials)
            .get_mut(&key.client.slot)
            .and_then(VecDeque::pop_front)
            .expect("every SYN was announced by its connect, in the same order");
        let mut state = lock(&connection.state);
        assert_eq!(state.key.server, key.server, "SYNs left in another order");
        state.key = key;
        drop(state);
        lock(&self.run.connections).insert(key, connection.clone());
        Some(connection)
    }

    /// Puts a packet of a known connection on its way, behind those before it.
    pub(super) fn transmit(
        &mut self,
        connection: &Arc<Connection>,
        state: &mut State,
        side: usize,
        packet: Packet,
    ) {
        let (from, to) = (state.end(side), state.end(1 - side));
        let now_ms = self.run.now_ms();
        let lane = self.lane(from.slot, to.slot);
        lane.effects.sent += 1;
        let sender = &mut state.sides[side];
        let mut due_ms = if sender.drawn_at_ms == Some(now_ms) {
            sender.last_due_ms
        } else {
            sender.drawn_at_ms = Some(now_ms);
            now_ms + lane.latency_ms()
        };
        // A lost bare acknowledgement is made good by the next one.
        if let Transport::Tcp(segment) = &packet.payload
            && (segment.flags.syn || segment.flags.fin || !segment.payload.is_empty())
        {
            due_ms += lane.repeat_ms(segment.flags.syn);
        }
        due_ms = due_ms.max(sender.last_due_ms);
        sender.last_due_ms = due_ms;
        state.in_flight += 1;
        let connection = Some(connection.clone());
        self.schedule(
            due_ms,
            Flight {
                from,
                to,
                packet,
                connection,
            },
        );
    }

    fn schedule(&mut self, due_ms: u64, flight: Flight) {
        self.sequence += 1;
        self.queue.insert((due_ms, self.sequence), flight);
    }

    /// Delivers everything that has arrived by now.
    pub(super) fn deliver_due(&mut self) {
        let now_ms = self.run.now_ms();
        let Some(shuffle) = self.shuffle.take() else {
            while let Some((sequence, flight)) = self.pop_due(now_ms) {
                self.arrive(sequence, flight);
            }
            return;
        };
        let mut flights = Vec::new();
        while let Some(flight) = self.pop_due(now_ms) {
            flights.push(flight);
        }
        for (sequence, flight) in shuffle.shuffle(flights) {
            self.arrive(sequence, flight);
        }
        self.shuffle = Some(shuffle);
    }

    /// Takes the next packet that has arrived by now, with its sequence number.
    fn pop_due(&mut self, now_ms: u64) -> Option<(u64, Flight)> {
        let entry = self.queue.first_entry()?;
        let (due_ms, sequence) = *entry.key();
        (due_ms <= now_ms).then(|| (sequence, entry.remove()))
    }

    /// A packet is at the door of its host.
    fn arrive(&mut self, sequence: u64, flight: Flight) {
        let lane = self.lane(flight.from.slot, flight.to.slot);
        if lane.link.blocked {
            lane.effects.held += 1;
            lane.held.insert(sequence, flight);
            return;
        }
        let Some(connection) = flight.connection.clone() else {
            if !self.dark.contains(&flight.to.slot) {
                self.hand_over(flight, true);
            }
            return;
        };
        let mut state = lock(&connection.state);
        let syn = is_syn(&flight.packet);
        if state.phase == Phase::GivenUp {
            self.lane(flight.from.slot, flight.to.slot).effects.dropped += 1;
            state.in_flight -= 1;
            state.sides[SERVER].closed |= syn;
            state.sides[SERVER].done |= syn;
            self.forget(&connection, &mut state);
        } else if self.dark.contains(&flight.to.slot) && !syn {
            self.waiting.insert(sequence, flight);
        } else if syn {
            self.arrive_syn(&mut state, flight);
        } else {
            state.in_flight -= 1;
            self.arrive_segment(&connection, &mut state, flight);
            self.forget(&connection, &mut state);
        }
    }

    /// A SYN finds room, or comes again later, or for the last time.
    fn arrive_syn(&mut self, state: &mut State, flight: Flight) {
        let now_ms = self.run.now_ms();
        let port = lock(&self.run.real_ports)
            .get(&(flight.to.slot, flight.to.port))
            .cloned();
        let dark = self.dark.contains(&flight.to.slot);
        let full = port.as_ref().is_some_and(|port| port.is_full());
        if state.syn_drops > SYN_RETRIES_MS.len() {
            state.in_flight -= 1;
            state.timed_out = true;
            self.reset_end(state, CLIENT);
            return;
        }
        if dark || full {
            if state.syn_drops == 0 {
                state.first_drop_ms = now_ms;
            }
            self.lane(flight.from.slot, flight.to.slot).effects.dropped += 1;
            let retry = SYN_RETRIES_MS.get(state.syn_drops);
            let due_ms = state.first_drop_ms + retry.unwrap_or(&SYN_TIMEOUT_MS);
            state.syn_drops += 1;
            self.schedule(due_ms, flight);
            return;
        }
        if let Some(port) = port {
            port.admit();
            state.child = Child::Admitted(port);
        }
        state.in_flight -= 1;
        self.hand_over(flight, true);
    }

    /// Any other packet of a connection.
    fn arrive_segment(&mut self, connection: &Arc<Connection>, state: &mut State, flight: Flight) {
        let Transport::Tcp(segment) = &flight.packet.payload else {
            return;
        };
        let side = if flight.to == state.key.client {
            CLIENT
        } else {
            SERVER
        };
        if segment.flags.rst {
            self.trace.add(self.run.now_ms(), &flight);
            if side == SERVER {
                self.withdraw(connection, state);
            }
            self.reset_end(state, side);
            return;
        }
        if state.sides[side].closed && !segment.payload.is_empty() {
            // Nobody will ever read it. Linux answers data for a closed socket with a reset.
            self.abort(connection, state, side);
            return;
        }
        if side == CLIENT && segment.flags.syn && state.phase == Phase::Dialing {
            state.phase = Phase::Open;
        }
        if side == SERVER && matches!(state.child, Child::Answered(..)) {
            state.child = Child::Waiting;
        }
        let answers = segment.flags.syn || segment.flags.fin || !segment.payload.is_empty();
        let unsent = state.sides[side].has_unsent();
        self.hand_over(flight, answers || unsent);
    }

    /// Gives a packet to the socket layer; `answers` when something may leave because of it.
    fn hand_over(&mut self, flight: Flight, answers: bool) {
        self.trace.add(self.run.now_ms(), &flight);
        self.guard.deliver(flight.packet);
        if answers {
            self.run.touch();
        }
    }

    /// Drops a connection from the table once nothing can follow.
    pub(super) fn forget(&mut self, connection: &Arc<Connection>, state: &mut State) {
        if state.phase == Phase::GivenUp && matches!(state.child, Child::None) {
            // Its SYN goes nowhere any more.
            state.sides[SERVER].closed = true;
            state.sides[SERVER].done = true;
            state.sides[CLIENT].done = true;
        }
        if state.finished() {
            self.remove(connection, state.key);
        }
    }

    /// Takes a connection out of the table, unless another one has its place by now.
    pub(super) fn remove(&mut self, connection: &Arc<Connection>, key: Key) {
        let mut connections = lock(&self.run.connections);
        let same = connections
            .get(&key)
            .is_some_and(|present| Arc::ptr_eq(present, connection));
        if same {
            connections.remove(&key);
        }
    }
}

impl State {
    /// Takes note of what leaves one end.
    fn note_sent(&mut self, side: usize, segment: &TcpSegment) {
        self.sides[side].sent += segment.payload.len() as u64;
        self.sides[side].done |= segment.flags.fin || segment.flags.rst;
        if segment.flags.rst && side == SERVER && !matches!(self.child, Child::Accepted) {
            self.sides[SERVER].closed = true;
            self.child = Child::Gone;
        }
    }
}

/// True for the first packet of a connection.
fn is_syn(packet: &Packet) -> bool {
    matches!(&packet.payload, Transport::Tcp(segment) if segment.flags.syn && !segment.flags.ack)
}

/// A packet of the engine's own, without data.
pub(super) fn bare_packet(from: End, to: End, flags: TcpFlags, acknowledged: u32) -> Packet {
    Packet {
        src: from.address().ip(),
        dst: to.address().ip(),
        ttl: 64,
        payload: Transport::Tcp(TcpSegment {
            src_port: from.port,
            dst_port: to.port,
            seq: 0,
            ack: acknowledged,
            flags,
            window: 0,
            payload: bytes::Bytes::new(),
        }),
    }
}
