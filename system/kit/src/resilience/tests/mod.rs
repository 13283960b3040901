//! Test vectors of platform §6 (Hystrix, resilience4j), first on the bare state machines, then with
//! time and tasks, and models that agree with the machines on every random history.

mod calls;
mod machine;
mod model;
mod resilience4j;
mod resilience4j_calls;
mod resilience4j_model;
