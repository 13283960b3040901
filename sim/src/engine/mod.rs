//! # The engine: virtual time, hosts, tasks and sockets
//!
//! A [`World`] is a network of hosts that runs in virtual time on one thread, driven from a plain
//! loop. [`Engine`] is the event-driven one, over the sockets of `turmoil-net`: the clock stands
//! while anything moves, and jumps when nothing does. [`TurmoilEngine`] is the second opinion.
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//! use squall_sim::engine::{Directory, Engine, Settings, World};
//!
//! let mut world = Engine::new(Settings::new(1, 2))?;
//! let (server, client) = (world.add_host("server"), world.add_host("client"));
//! let names = Arc::new(Directory::default());
//! names.set("server", server);
//!
//! let net = world.net(server, names.clone());
//! world.start(server, "main", Box::pin(async move {
//!     let mut listener = net.bind(8080).await.expect("a free port");
//!     listener.accept().await.expect("a caller");
//! }));
//! let net = world.net(client, names);
//! world.start(client, "main", Box::pin(async move {
//!     net.connect("server", 8080).await.expect("somebody listens");
//! }));
//! world.run_until(Duration::from_secs(60))?;
//! assert!(world.take_panics().is_empty());
//! # Ok::<(), squall_sim::engine::EngineError>(())
//! ```
//!
//! **What it must not know:** pods, services, faults as data, HTTP. Nothing outside this module
//! names turmoil.
//!
//! **Where to start reading:** [`World`], then `stepper` (the loop), `wire` (each packet's fate),
//! `cut` (all the ways a connection can end badly), `socket` (what processes hold), `lane` (one
//! direction between two hosts).
//!
//! ## The rules of the loop
//!
//! * Tasks live in one `LocalSet` per host, all polled by the stepper itself. When none is ready,
//!   it takes what the sockets want to send (one pass for all work of an instant, none without
//!   work), gives each packet its time of arrival, and lets the runtime park until the next timer.
//! * Kill, start, links: only between two `run_until`, never inside a poll.
//! * A task that blocks or spins inside one poll cannot be stopped; one that keeps waking itself is
//!   a livelock, an error with the name of the host.
//! * `tokio::time` has a grain of 1 ms: a shorter sleep is 1 ms long.
//!
//! ## What keeps these promises
//!
//! | promise | kept by, in `tests/engine_*.rs` |
//! |---|---|
//! | no start without `tokio_unstable`, one engine a thread | unit tests of `runtime` |
//! | one seed, one run; a link's draws are its own | `engine_determinism` |
//! | no ticks: idle time costs nothing | `an_idle_year_is_one_jump` |
//! | a socket stays its host's, also after the run | `what_outlives_its_run_does_no_harm` |
//! | one `Drop` ends a run | `runs_follow_each_other_on_one_thread_also_after_a_panic` |
//! | a connection is FIFO | `connections_do_not_wait_for_each_other_and_never_overtake_…` |
//! | loss is delay | `a_lossy_link_delays_and_loses_nothing` |
//! | a partition holds | `a_stream_goes_on_after_the_heal_with_every_byte_in_order` |
//! | a connect in it hangs | `a_connect_into_a_partition_waits_as_long_as_its_caller` |
//! | no half-open ghosts | `connects_given_up_in_a_partition_leave_no_ghosts` |
//! | the dead refuse, or are silent | `peers_of_a_killed_…`, `after_a_power_loss_…` |
//! | the stated backlog | `a_full_backlog_lets_connects_in_at_a_syn_retry_or_times_them_out` |
//! | windows reopen | `a_slow_reader_gets_all_of_a_megabyte` |
//! | ports and slots come back | `a_killed_host_refuses_…`, `slots_are_used_again_…` |
//! | no task of nobody, no thread | `a_bare_spawn_fails_…`, `a_blocking_thread_ends_the_run` |
//! | panics are told, livelocks named | `a_panic_ends_its_task_alone_…`, `a_livelock_ends_…` |
//! | calm means calm | `calm_links_have_no_effects` |
//! | other orders, each of its own seed | `engine_interleaving` |
//!
//! ## What differs from Linux
//!
//! The same scenarios run on simulated and on real loopback sockets in `tests/engine_parity.rs`,
//! and faults in `tests/engine_fidelity.rs`. Differences by design:
//!
//! | | Linux | here |
//! |---|---|---|
//! | lost packet | retransmitted after the RTO | arrives late by the RTO, doubled per loss (≤ 8) |
//! | lost bare ACK | may cause a retransmission | no effect |
//! | partition | retransmitted with back-off, ~15 min | held, delivered at the heal |
//! | connect in a partition | `ETIMEDOUT` after 2 min | waits as its caller does |
//! | SYN held while the server restarts | may reach the new process | refused |
//! | full backlog | SYN queue, accept queue, SYN cookies | one count, then as below |
//! | dropped SYN | again after 1, 3, 7, 15, 31, 63 s, out at 127 s | the same, out at 63 s |
//! | SYN to a machine without power | dropped | dropped |
//! | killed with bytes unsent | the kernel still sends them | lost, the peer reads a reset |
//! | reset with bytes unread | readable first | lost unless already read ahead |
//! | write after a reset | `EPIPE` or `ECONNRESET` | `ConnectionReset` |
//! | congestion, bandwidth, Nagle, keep-alive probes | yes | no |
//! | `TIME_WAIT` | a minute | none |
//! | orphaned half-closed connection | gone after 60 s | gone at the first traffic after 60 s |
//! | receive buffer | grows | 64 KiB, and as much again read ahead |
//! | a host calling itself | loopback, own backlog | no latency, no backlog, no faults |

mod connection;
mod cut;
mod directory;
mod effects;
mod interleaving;
mod interrupt;
mod lane;
mod link;
mod port;
mod runtime;
mod settings;
mod shared;
mod skew;
mod socket;
mod stepper;
mod task;
mod trace;
mod turmoil;
mod wire;
mod world;

pub use directory::Directory;
pub use effects::Effects;
pub use interleaving::Interleaving;
pub use interrupt::Interrupter;
pub use link::Link;
pub use settings::Settings;
pub use stepper::Engine;
pub use task::panic_place;
pub use turmoil::TurmoilEngine;
pub use world::{Endpoint, EngineError, HostId, Main, Resolver, Stopped, TaskPanic, World};
