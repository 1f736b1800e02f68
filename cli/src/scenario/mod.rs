//! Scenarios: scripts that also look at what really happened.
//!
//! A scenario is a script of commands, as an operator types them, with three more kinds of lines. `! command` is a shell
//! command on the host: a guest answers ping, a packet arrives, a file is there. What is true only after a while is
//! tried again until it is, or until the time is up. `? SYS.1007 Verb name=value` is a command that has to fail with
//! that code. `= 2 QueryVerb name=value` is a query that has to find so many, and `= Running $vm.state` is what an answer
//! must have said.
//!
//! A scenario begins without a session and leaves none behind, so that it neither needs nor disturbs its user's.

mod host;
mod parse;
mod report;
mod run;
#[cfg(test)]
mod tests;

pub use host::HostCommand;
pub use parse::{Action, Line, parse};
pub use report::{LineReport, Report};
pub use run::{Scenario, run};
