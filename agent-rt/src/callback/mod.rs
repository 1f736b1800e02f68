//! How agents tell the manager something: outcomes, progress, reports, samples.

mod http;
mod post;

use async_trait::async_trait;
use cumulo_proto::{Outcome, Progress, Report, Samples};

pub use http::HttpCallbacks;
pub(crate) use post::{Posting, post_outcome, post_progress};

/// A message did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// Try again later.
    #[error("could not post to the manager at {url}")]
    Unreachable {
        /// Where to.
        url: String,
        /// Why.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The manager answered something else than "thank you"; try again later.
    #[error("the manager at {url} answered {status}")]
    Refused {
        /// Where to.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// Nobody waits for it; do not try again.
    #[error("the manager at {url} does not know the task")]
    Unwanted {
        /// Where to.
        url: String,
    },
}

/// The way to the manager. `base` is the header's `callback_url`.
#[async_trait]
pub trait Callbacks: Send + Sync {
    /// Whether `outcome` may go with the answer to its command, where the manager still waits for that: then it is told, and
    /// not in another way. Unless something is to happen to it on the way, as in tests, it may.
    fn goes_with_answer(&self, outcome: &Outcome) -> bool {
        let _ = outcome;
        true
    }
    /// Tells how a task ended; `Ok` means acknowledged.
    async fn outcome(&self, base: &str, outcome: &Outcome) -> Result<(), PostError>;
    /// Tells how far a task is.
    async fn progress(&self, base: &str, progress: &Progress) -> Result<(), PostError>;
    /// Tells what is on the host.
    async fn report(&self, base: &str, report: &Report) -> Result<(), PostError>;
    /// Tells what was measured; what does not arrive is not told again.
    async fn samples(&self, base: &str, samples: &Samples) -> Result<(), PostError>;
}
