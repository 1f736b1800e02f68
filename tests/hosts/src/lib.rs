//! Simulated hosts and backup storages as a process of their own, for tests of the real manager.
//!
//! One process plays any number of machines. On each there is an agent: the real agent's commands, task journal and
//! runtime, served with mutual TLS at an address and port of its own on loopback, calling back to the manager that asked;
//! only the doors to the machine (libvirt, image files, bridges) are fakes. The manager brings its agents onto them as in
//! real life, by running `ansible-playbook`: there is one in [`Hosts::path`] that hands what it was given to the process.
//!
//! What a machine has outlives the process, in files: the agent's tasks, and what a real host keeps when its agent dies,
//! which is guests, image files and bridges. So a process that is killed and started again is a room full of agents that
//! died and were started again, and no power failure. Tests look at the machines, and make them slow, hung, cut off or
//! forgetful of answers, over a control socket ([`Control`]).
//!
//! This library is what tests need of the process, and what stands around an agent wherever it is played: what is noted of it
//! ([`Record`]) and what it suffers ([`Weather`], [`Way`]). The agents are in the program, `src/main.rs`; so who starts that
//! does not link libvirt.

mod client;
pub mod control;
mod network;
mod process;
mod record;
mod way;
mod weather;

pub use client::{Control, ControlError};
pub use network::Network;
pub use process::Hosts;
pub use record::{Record, recorded};
pub use way::{Way, manager_of};
pub use weather::{Reply, Weather};
