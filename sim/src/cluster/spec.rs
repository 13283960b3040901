//! What a cluster consists of: plain data, every field stated, usable in a `const`.

use std::{collections::BTreeSet, time::Duration};

use squall_kit::{BoxFuture, Pod};

use crate::{
    model::{Cost, ProgramModel, RouteModel},
    range::TimeRange,
};

/// A bounded context's `run`.
pub type Program = fn(Pod) -> BoxFuture<'static, Result<(), squall_kit::Error>>;

/// A whole system on its cluster.
#[derive(Clone, Copy, Debug)]
pub struct ClusterSpec {
    /// The system's name, `shop`; also the name of its one topic.
    pub system: &'static str,
    /// Its services.
    pub deployments: &'static [DeploymentSpec],
    /// Its broker.
    pub broker: BrokerSpec,
    /// What connects them.
    pub network: NetworkSpec,
}

/// One service: its program and how it is run.
#[derive(Clone, Copy, Debug)]
pub struct DeploymentSpec {
    /// The name other services dial, `order`. Its pods are `order-1`, `order-2`, …
    pub name: &'static str,
    /// Pods that are meant to run.
    pub replicas: u32,
    /// What each pod runs.
    pub program: Program,
    /// The port it listens on and is dialled at. A pod is ready, and gets traffic, from the moment
    /// it listens there.
    pub port: u16,
    /// How it serves.
    pub server: ServerSpec,
    /// Its own database, on a host of its own called `<name>-store`; `None` for a context without.
    pub store: Option<StoreSpec>,
    /// Its settings, as environment variables would give them: (name, value).
    pub config: &'static [(&'static str, &'static str)],
    /// How long a stopping pod may take before it is killed (Kubernetes:
    /// `terminationGracePeriodSeconds`).
    pub grace: Duration,
    /// How long after a crash, a kill or a power loss its process is started again.
    pub restart_after: Duration,
}

/// A server's capacity.
#[derive(Clone, Copy, Debug)]
pub struct ServerSpec {
    /// Requests served at one time.
    pub workers: u32,
    /// Requests that may wait for a worker; one more is answered 503.
    pub queue: u32,
    /// Connections that may wait to be accepted. A further one is tried again as Linux does.
    pub backlog: u32,
    /// From the process's start to the program's.
    pub startup: TimeRange,
    /// What serving costs on the routes that are named here.
    pub routes: &'static [RouteCost],
    /// What it costs on all others.
    pub other_routes: TimeRange,
}

/// What serving one route costs.
#[derive(Clone, Copy, Debug)]
pub struct RouteCost {
    /// GET, POST, …
    pub method: &'static str,
    /// The route's pattern, `/orders/{id}`.
    pub route: &'static str,
    /// Time on a worker.
    pub time: TimeRange,
}

/// A database host.
#[derive(Clone, Copy, Debug)]
pub struct StoreSpec {
    /// What a commit takes.
    pub commit: TimeRange,
    /// What every other operation takes.
    pub read: TimeRange,
    /// Records that mean unfinished work: the system is quiet only when there are none.
    pub unfinished: &'static [Unfinished],
}

/// A mark of unfinished work: a record of `collection` whose `member` is the text `value`.
#[derive(Clone, Copy, Debug)]
pub struct Unfinished {
    /// The collection, `orders`.
    pub collection: &'static str,
    /// The body's top-level member.
    pub member: &'static str,
    /// Its value, `PENDING`.
    pub value: &'static str,
}

/// The broker's host, called `broker`.
#[derive(Clone, Copy, Debug)]
pub struct BrokerSpec {
    /// Partitions of the system's topic.
    pub partitions: u32,
    /// A member that is silent for so long has left its group (Kafka: `session.timeout.ms`).
    pub session_timeout: Duration,
    /// What an append takes.
    pub append: TimeRange,
}

/// Every link, unless a fault changes it.
#[derive(Clone, Copy, Debug)]
pub struct NetworkSpec {
    /// From sender to receiver; whole milliseconds are meant.
    pub latency: TimeRange,
    /// Share of packets lost (and sent again after a back-off), 0 to 1.
    pub loss: f64,
}

/// A spec or a load that cannot be simulated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SpecError(pub String);

// === impl ClusterSpec ===

impl ClusterSpec {
    /// The deployment called `name`.
    pub fn deployment(&self, name: &str) -> Option<&'static DeploymentSpec> {
        self.deployments.iter().find(|d| d.name == name)
    }

    /// Checks what the types cannot say.
    ///
    /// # Errors
    /// The first thing that cannot be: two equal names, an empty range, no worker, …
    pub fn check(&self) -> Result<(), SpecError> {
        let mut names = BTreeSet::from(["broker", "clients", "world"].map(str::to_owned));
        for deployment in self.deployments {
            for name in deployment.names() {
                if !names.insert(name.clone()) {
                    let system = self.system;
                    return Err(SpecError(format!("{system}: the name {name:?} is taken")));
                }
            }
            deployment.check()?;
        }
        if self.broker.partitions == 0 {
            return Err(SpecError(format!(
                "{}: a broker without partitions",
                self.system
            )));
        }
        if !(0.0..1.0).contains(&self.network.loss) {
            return Err(SpecError(format!(
                "{}: loss is {}, expected 0 to below 1",
                self.system, self.network.loss
            )));
        }
        ordered(self.system, &[self.broker.append, self.network.latency])
    }
}

// === impl DeploymentSpec ===

impl DeploymentSpec {
    /// The name of its n-th pod, from 1.
    pub fn pod_name(&self, number: u32) -> String {
        format!("{}-{number}", self.name)
    }

    /// The name of its database's host.
    pub fn store_name(&self) -> String {
        format!("{}-store", self.name)
    }

    /// Everything that goes by a name because of it: itself, its pods, its database.
    fn names(&self) -> Vec<String> {
        let mut names = vec![self.name.to_owned()];
        names.extend((1..=self.replicas).map(|number| self.pod_name(number)));
        names.extend(self.store.map(|_| self.store_name()));
        names
    }

    fn check(&self) -> Result<(), SpecError> {
        if self.server.workers == 0 {
            return Err(SpecError(format!(
                "{}: a server without workers serves nothing",
                self.name
            )));
        }
        let mut ranges = vec![self.server.startup, self.server.other_routes];
        ranges.extend(self.server.routes.iter().map(|route| route.time));
        ranges.extend(self.store.iter().flat_map(|s| [s.commit, s.read]));
        ordered(self.name, &ranges)
    }
}

// === impl ServerSpec ===

impl ServerSpec {
    /// The same as a model; all time is spent on a core.
    pub(crate) fn model(&self) -> ProgramModel {
        let cost = |cpu_ms| Cost {
            cpu_ms,
            wait_ms: TimeRange::ZERO,
        };
        let routes = self.routes.iter().map(|route| RouteModel {
            method: route.method.to_owned(),
            route: route.route.to_owned(),
            cost: cost(route.time),
        });
        ProgramModel {
            workers: self.workers,
            queue: self.queue,
            backlog: self.backlog,
            database_pool: None,
            startup_ms: self.startup,
            startup_cores: 0.0,
            routes: routes.collect(),
            other_routes: cost(self.other_routes),
        }
    }
}

fn ordered(owner: &str, ranges: &[TimeRange]) -> Result<(), SpecError> {
    match ranges.iter().find(|range| !range.is_ordered()) {
        None => Ok(()),
        Some(range) => Err(SpecError(format!("{owner}: {range:?} is empty"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAY: DeploymentSpec = DeploymentSpec {
        name: "pay",
        replicas: 1,
        program: |_| Box::pin(async { Ok(()) }),
        port: 8080,
        server: ServerSpec {
            workers: 1,
            queue: 1,
            backlog: 1,
            startup: TimeRange::ZERO,
            routes: &[],
            other_routes: TimeRange::ZERO,
        },
        store: None,
        config: &[],
        grace: Duration::ZERO,
        restart_after: Duration::ZERO,
    };

    fn told(deployments: &'static [DeploymentSpec], loss: f64) -> String {
        let spec = ClusterSpec {
            system: "shop",
            deployments,
            broker: BrokerSpec {
                partitions: 1,
                session_timeout: Duration::from_secs(6),
                append: TimeRange::ZERO,
            },
            network: NetworkSpec {
                latency: TimeRange::ms(1, 2),
                loss,
            },
        };
        spec.check()
            .err()
            .map_or_else(String::new, |error| error.to_string())
    }

    #[test]
    fn mistakes_are_told_with_the_value_that_is_wrong() {
        const IDLE: ServerSpec = ServerSpec {
            workers: 0,
            ..PAY.server
        };
        const UPSIDE_DOWN: ServerSpec = ServerSpec {
            startup: TimeRange::ms(2, 1),
            ..PAY.server
        };
        assert_eq!(told(&[PAY], 0.1), "");
        assert_eq!(told(&[PAY, PAY], 0.0), "shop: the name \"pay\" is taken");
        assert!(
            told(
                &[DeploymentSpec {
                    name: "clients",
                    ..PAY
                }],
                0.0
            )
            .contains("taken")
        );
        assert!(told(&[PAY], 1.0).contains("loss is 1"));
        assert!(
            told(
                &[DeploymentSpec {
                    server: IDLE,
                    ..PAY
                }],
                0.0
            )
            .contains("without workers")
        );
        let upside_down = told(
            &[DeploymentSpec {
                server: UPSIDE_DOWN,
                ..PAY
            }],
            0.0,
        );
        assert_eq!(
            upside_down,
            "pay: TimeRange { low: 2ms, high: 1ms } is empty"
        );
    }
}
