//! Stories: small systems on the simulated cluster, and what users see of them.

mod control;
mod faults;
mod interleaving;
mod load;
mod nodes;
mod notes;
mod pods;
mod servers;
mod siege;
mod story;
mod town;
mod turmoil;
mod volumes;
