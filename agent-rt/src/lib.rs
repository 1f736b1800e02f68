//! What the agents share: command server, task journal, callbacks, TLS, configuration.
//!
//! An agent is a host type `H` (its doors to the machine), a list of [`Command`]s on it and a call of [`run`]. A command
//! knows nothing of gRPC, journals or callbacks: the [`Runtime`] writes it down, runs it in order with the others of its key,
//! and writes down the outcome. One that comes soon goes with the answer to the command, which is `Accepted` without it; later
//! ones are posted to the manager until that is acknowledged. The same task id again gets the recorded outcome, also after a
//! restart.
//!
//! The manager's side of the wire is here too ([`AgentClient`], [`serve`], [`tls`]), so that both ends are one piece of
//! code; so is the in-process link with faults that simulated agents use (`sim`, behind a feature).

mod agent;
mod callback;
mod chain;
mod client;
mod command;
mod config;
mod error;
mod grpc;
mod journal;
mod metrics;
mod registry;
mod report;
mod runtime;
mod sample;
mod server;
#[cfg(feature = "sim")]
pub mod sim;
pub mod storage;
mod task;
pub mod tls;

pub use agent::{Agent, StartError, run};
pub use callback::{Callbacks, HttpCallbacks, PostError};
pub use chain::Chain;
pub use client::{AgentClient, AgentLink, LinkError, submit};
pub use command::Command;
pub use config::{AgentConfig, ConfigError, TlsFiles};
pub use error::AgentError;
pub use journal::{Journal, JournalError};
pub use metrics::Metrics;
pub use registry::{Commands, ErasedCommand};
pub use report::{ReportSource, Reporter};
pub use runtime::{Refusal, Runtime, RuntimeParts};
pub use sample::{SampleSource, Sampler};
pub use server::serve;
pub use task::TaskCx;
