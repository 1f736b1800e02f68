//! The agents' way to their managers: over HTTP and TLS as ever, unless the weather is against it.

use std::{net::IpAddr, sync::Arc};

use async_trait::async_trait;
use cumulo_agent_rt::{Callbacks, HttpCallbacks, PostError};
use cumulo_proto::{Outcome, Progress, Report, Samples};

use crate::{
    record::Record,
    weather::{Reply, Weather},
};

/// Of one machine.
pub(crate) struct Way {
    pub(crate) http: HttpCallbacks,
    pub(crate) machine: IpAddr,
    pub(crate) record: Arc<Record>,
    pub(crate) weather: Arc<Weather>,
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

/// The address in the callback URL `base`.
pub(crate) fn manager_of(base: &str) -> Option<IpAddr> {
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
            Reply::Told => self.http.outcome(base, outcome).await,
            Reply::Lost => {
                tracing::info!(task = outcome.task_id, command = outcome.command, "an outcome is lost");
                Ok(())
            }
            Reply::Doubled => {
                tracing::info!(task = outcome.task_id, command = outcome.command, "an outcome is told twice");
                self.http.outcome(base, outcome).await?;
                // The second time nobody waits for it any more, and says so.
                let _ = self.http.outcome(base, outcome).await;
                Ok(())
            }
        }
    }

    async fn progress(&self, base: &str, progress: &Progress) -> Result<(), PostError> {
        self.is_open(base).await?;
        self.http.progress(base, progress).await
    }

    async fn report(&self, base: &str, report: &Report) -> Result<(), PostError> {
        self.is_open(base).await?;
        self.http.report(base, report).await
    }

    async fn samples(&self, base: &str, samples: &Samples) -> Result<(), PostError> {
        self.is_open(base).await?;
        self.http.samples(base, samples).await
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
