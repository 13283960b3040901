//! Test vectors of platform §6 (Hystrix), first on the bare state machine, then with time and
//! tasks, and a model that agrees with the machine on every random history.

mod calls;
mod machine;
mod model;
