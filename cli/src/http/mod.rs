//! The wire: sessions or signatures in a header, synchronous answers, jobs that are polled, and the two families of errors.
//!
//! Every call carries a job id chosen here. That makes it possible to ask what became of a job whose 202 was lost, so
//! that a dropped connection is not "maybe it ran, maybe not".

mod client;
mod endpoint;
mod error;
mod job;
mod signing;
#[cfg(test)]
mod tests;

pub use client::{Client, Trust};
pub use endpoint::{BadEndpoint, Endpoint};
pub use error::{ApiError, CallError};
pub use signing::AccessKey;

/// Told how a job goes on, from 202 to its end.
pub trait Progress: Send + Sync {
    /// The job was accepted.
    fn started(&self, verb: &str, job: &str);
    /// Whether anybody sees what [`Progress::at`] is told; if not, the server is not asked.
    fn is_shown(&self) -> bool;
    /// The server says how far it is.
    fn at(&self, content: &str);
    /// The node does not answer at the moment; it is asked again.
    fn waiting(&self);
    /// The job is over, or given up on.
    fn ended(&self);
}

/// Nobody watches.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {
    fn started(&self, _verb: &str, _job: &str) {}
    fn is_shown(&self) -> bool {
        false
    }
    fn at(&self, _content: &str) {}
    fn waiting(&self) {}
    fn ended(&self) {}
}
