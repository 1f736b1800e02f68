//! Management nodes, the agents on their hosts, their database, their broker and their clients in one thread, in an order that a seed decides: a history
//! that failed is played again exactly. `docs/simulation.md` says what is simulated, and what is not.
//!
//! It is `make chaos` without machines: the same faults, clients and checks (`tests/chaos`), and real nodes down to the doors of
//! the database, the broker and HTTP. What is other is below: time and randomness are made up ([`pretend`]), a thread goes round
//! ([`world`]), and what is sent goes over ways of chance ([`outside`]).

pub mod api;
pub mod broker;
pub mod database;
pub mod estate;
mod link;
mod machine;
pub mod machines;
pub mod outside;
pub mod pretend;
mod run;
pub mod trace;
pub mod world;

pub use run::{Told, play};
