//! Reports and samples on their way from agents to who listens.
//!
//! They travel as a message on the bus, which refuses everything until the node has started: an agent that reports before
//! that is asked to come again, and no listener sees a kernel that is not ready.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use async_trait::async_trait;
use cumulo_kernel::bus::Handle;
use cumulo_proto::{Report, Samples};
use cumulo_schema::{ErrorCode, Uuid, message};
use prost::Message as _;
use serde::{Deserialize, Serialize};

/// Hears what agents report of their machines.
#[async_trait]
pub trait OnReport: Send + Sync {
    /// `report.agent` is the agent that proved to have sent it. Never called with an older report of an agent after a
    /// newer one.
    async fn on_report(&self, report: &Report);

    /// What a machine and its VMs used; `samples.agent` is the agent that proved to have sent it. Who does not keep
    /// metrics leaves this out.
    async fn on_samples(&self, samples: &Samples) {
        let _ = samples;
    }
}

/// An agent reported. Told again it is heard once.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AgentReported {
    /// The agent.
    pub(crate) agent: Uuid,
    /// Its report, encoded.
    pub(crate) report: Vec<u8>,
}
message!(AgentReported => (), service = "agent", key = agent);

/// An agent measured.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AgentMeasured {
    /// The agent.
    pub(crate) agent: Uuid,
    /// Its samples, encoded.
    pub(crate) samples: Vec<u8>,
}
message!(AgentMeasured => (), service = "agent", key = agent);

/// Where a report stands among those of its agent: its process, its number there, when it was taken.
#[derive(Debug, Clone)]
struct Place {
    boot: String,
    sequence: u64,
    taken_ms: u64,
}

/// The listeners, and the newest report of each agent.
#[derive(Default)]
pub(crate) struct Reports {
    listeners: RwLock<Vec<Arc<dyn OnReport>>>,
    newest: Mutex<HashMap<Uuid, Place>>,
}

impl Reports {
    pub(crate) fn listen(&self, listener: Arc<dyn OnReport>) {
        self.listeners.write().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    fn listeners(&self) -> Vec<Arc<dyn OnReport>> {
        self.listeners.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn forget(&self, agent: Uuid) {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).remove(&agent);
    }

    /// Whether `report` is newer than all before it; from then on it is the newest.
    fn advance(&self, agent: Uuid, report: &Report) -> bool {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let is_newer = newest.get(&agent).is_none_or(|last| match last.boot == report.boot_id {
            true => report.sequence > last.sequence,
            false => report.taken_ms >= last.taken_ms,
        });
        if is_newer {
            let place = Place { boot: report.boot_id.clone(), sequence: report.sequence, taken_ms: report.taken_ms };
            newest.insert(agent, place);
        }
        is_newer
    }
}

#[async_trait]
impl Handle<AgentReported> for Reports {
    async fn handle(&self, message: AgentReported) -> Result<(), ErrorCode> {
        let report = Report::decode(message.report.as_slice())
            .map_err(|cause| ErrorCode::invalid("a report is unreadable").because_of(&cause))?;
        if self.advance(message.agent, &report) {
            for listener in self.listeners() {
                listener.on_report(&report).await;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Handle<AgentMeasured> for Reports {
    async fn handle(&self, message: AgentMeasured) -> Result<(), ErrorCode> {
        let samples = Samples::decode(message.samples.as_slice())
            .map_err(|cause| ErrorCode::invalid("samples are unreadable").because_of(&cause))?;
        for listener in self.listeners() {
            listener.on_samples(&samples).await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_report_loses() {
        let (reports, agent) = (Reports::default(), Uuid::random());
        let report = |boot: &str, sequence, taken_ms| Report {
            boot_id: boot.to_owned(),
            sequence,
            taken_ms,
            ..Report::default()
        };
        assert!(reports.advance(agent, &report("a", 2, 20)));
        assert!(!reports.advance(agent, &report("a", 2, 20)), "told again");
        assert!(!reports.advance(agent, &report("a", 1, 30)), "came late");
        assert!(reports.advance(agent, &report("b", 1, 40)), "a new process counts from one");
        assert!(!reports.advance(agent, &report("a", 3, 39)), "the old process is over");
        reports.forget(agent);
        assert!(reports.advance(agent, &report("a", 1, 1)));
    }
}
