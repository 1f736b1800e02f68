//! The manager's side of the agents: certificates, deployment, commands, callbacks.
//!
//! A command goes to the agent over mutual TLS and is accepted at once; its outcome comes to the callback endpoint here.
//! Between the two anything may get lost or restart: [`Gateway::call`] sends the same task id again until an outcome
//! arrives or the deadline passes, and the agent answers a known id from its journal. Who is at the other end is known by
//! certificate only: the manager is a small authority of its own, and installs each agent together with its
//! certificate.

mod agents;
mod ca;
mod call;
mod callback;
mod deploy;
mod error;
mod gateway;
mod in_process;
mod peers;
mod reach;
mod reports;
mod secret;
mod simulated;
mod waiters;

pub use agents::{Agent, AgentKind, AgentRecord};
pub use deploy::{DeployError, Deployer, Deployment, SshTarget};
pub use error::GatewayError;
pub use gateway::{Gateway, GatewayConfig};
pub use in_process::Links;
pub use reach::AgentWatch;
pub use reports::OnReport;
pub use secret::Secret;
