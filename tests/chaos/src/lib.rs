//! Real management nodes over a real MariaDB and RabbitMQ, under load, while they are killed, frozen and cut off from both;
//! then what everybody was told is held against what is there.
//!
//! A run is made from a seed: which faults, when, and what the clients do. What the machine makes of it differs from time
//! to time, so a seed that failed may have to be run more than once. `docs/chaos.md` says how.
//!
//! Hosts are machines of a process of their own (`tests/hosts`), with real agents over mutual TLS, which suffers faults as
//! everything else does; or those of the simulator plugin, which live in the database and so through everything. Both record
//! each task that they did, so that what was done to a VM can be counted. What it takes to run the program and to build such
//! a cloud ([`Node`], [`Cloud`]) serves the manager's own tests as well.

mod caller;
mod check;
mod cloud;
mod cluster;
mod fault;
mod found;
mod history;
mod http;
mod link;
mod load;
mod machines;
mod model;
mod outcome;
mod process;
mod quiet;
mod run;
mod servers;
mod trial;
mod world;

pub use caller::Board;
pub use cloud::{Calls, Cloud, Ground, PASSWORD, order};
pub use cluster::{HOSTS, LEASE, NODES, agree};
pub use fault::{Fault, Peer, choose, inflict};
pub use history::History;
pub use http::{Http, Request};
pub use link::Passage;
pub use machines::Look;
pub use outcome::{Finding, Kind, Outcome};
pub use process::Node;
pub use run::Chaos;
pub use servers::Servers;
pub use trial::{Found, Trial};
