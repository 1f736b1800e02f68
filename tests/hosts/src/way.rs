//! The agents' way to their managers: as ever, unless the weather is against it.

use std::{fmt, net::IpAddr, sync::Arc};

use async_trait::async_trait;
use cumulo_agent_rt::{Callbacks, PostError};
use cumulo_proto::{Outcome, Progress, Report, Samples};

use crate::{Record, Reply, Weather};

/// Of one machine.
pub struct Way {
    /// What delivers.
    pub callbacks: Arc<dyn Callbacks>,
    /// The machine.
    pub machine: IpAddr,
    /// Where it is noted what was told.
    pub record: Arc<Record>,
    /// What becomes of it.
    pub weather: Arc<Weather>,
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Way").field("machine", &self.machine).finish_non_exhaustive()
    }
}

impl Way {
    /// Waits until something can be said to the manager at `base`.
    ///
    /// # Errors
    /// When the network to it is broken.
    async fn is_open(&self, base: &str) -> Result<(), PostError> {
        self.weather.answers(self.machine).await;
        match manager_of(base) {
            Some(manager) if !self.weather.reaches(manager).await => {
                Err(PostError::Unreachable { url: base.to_owned(), cause: "the network is cut".into() })
            }
            _ => Ok(()),
        }
    }
}

/// The address in the callback URL `base`, where it has one.
#[must_use]
pub fn manager_of(base: &str) -> Option<IpAddr> {
    let host = base.strip_prefix("https://")?.split('/').next()?.rsplit_once(':')?.0;
    host.trim_matches(['[', ']']).parse().ok()
}

#[async_trait]
impl Callbacks for Way {
    /// What is to be lost or told twice is told by itself. An answer that the network loses, the gate loses.
    fn goes_with_answer(&self, outcome: &Outcome) -> bool {
        let goes = self.weather.is_to_be_told();
        if goes {
            self.record.told(&outcome.task_id);
        }
        goes
    }

    async fn outcome(&self, base: &str, outcome: &Outcome) -> Result<(), PostError> {
        self.record.told(&outcome.task_id);
        self.is_open(base).await?;
        match self.weather.reply() {
            Reply::Told => self.callbacks.outcome(base, outcome).await,
            Reply::Lost => {
                tracing::info!(task = outcome.task_id, command = outcome.command, "an outcome is lost");
                Ok(())
            }
            Reply::Doubled => {
                tracing::info!(task = outcome.task_id, command = outcome.command, "an outcome is told twice");
                self.callbacks.outcome(base, outcome).await?;
                // The second time nobody waits for it any more, and says so.
                let _ = self.callbacks.outcome(base, outcome).await;
                Ok(())
            }
        }
    }

    async fn progress(&self, base: &str, progress: &Progress) -> Result<(), PostError> {
        self.is_open(base).await?;
        self.callbacks.progress(base, progress).await
    }

    async fn report(&self, base: &str, report: &Report) -> Result<(), PostError> {
        self.is_open(base).await?;
        self.callbacks.report(base, report).await
    }

    async fn samples(&self, base: &str, samples: &Samples) -> Result<(), PostError> {
        self.is_open(base).await?;
        self.callbacks.samples(base, samples).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manager_is_known_by_the_url_it_is_called_back_at() {
        assert_eq!(manager_of("https://127.4.5.1:40123/agent/v1"), Some([127, 4, 5, 1].into()));
        assert_eq!(manager_of("https://[::1]:7443/agent/v1"), Some(std::net::Ipv6Addr::LOCALHOST.into()));
        assert_eq!(manager_of("https://manager.example.org:7443/agent/v1"), None);
    }
}
