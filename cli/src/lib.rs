//! The `cumulo` command line: every API of the management node as a command, typed, scripted or run as a scenario.
//!
//! Verbs, parameters, enumerations, query fields and table columns come from the declarations that the server itself is
//! built from, handed in as a [`Catalog`]; nothing here names a resource, so a new one needs no code in this crate. The
//! only APIs known by name are those that open and close sessions, since a client has to act on their answers.
//!
//! From the bottom up: [`literal`] reads JSON and Python-style values, [`command`] turns a line into a request,
//! [`http`] speaks the wire, [`session`] keeps what outlives one run, [`console`] puts these together for one line, and
//! the three ways of using it are [`script`], [`interactive`] and [`scenario`]. [`render`] shows what came of it.

pub mod app;
pub mod catalog;
pub mod command;
pub mod console;
pub mod error;
pub mod http;
pub mod interactive;
pub mod literal;
pub mod options;
pub mod render;
pub mod scenario;
pub mod script;
pub mod session;
#[cfg(test)]
mod testing;

pub use catalog::Catalog;
pub use error::{CliError, Exit};
