//! Telling the manager what is on the host: on connect, on change, and at least once a minute.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use cumulo_proto::{Memory, Report, StorageCapacity};
use tokio::{
    select,
    sync::Notify,
    time::{Instant, MissedTickBehavior, interval, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::{AgentError, Chain, Runtime, journal::now_ms};

const LOOK_EVERY: Duration = Duration::from_secs(5);
const REPORT_EVERY: Duration = Duration::from_secs(60);
/// How long after a change the host is looked at. A host that starts many VMs would else tell of all of them each time, and
/// what the manager has asked for itself it knows already.
const GATHER: Duration = Duration::from_secs(1);
/// A change of memory or disk space below this share of the total is no news: 1/64.
const NEWS_SHIFT: u32 = 6;

/// What a host has to say about itself.
#[async_trait]
pub trait ReportSource: Send + Sync {
    /// What is there now; envelope fields are filled in by the [`Reporter`].
    async fn look(&self) -> Result<Report, AgentError>;
    /// Fires when something changed, so that the next look comes soon.
    fn changed(&self) -> Arc<Notify>;
}

/// Looks at a host every few seconds and reports.
pub struct Reporter<H> {
    runtime: Runtime<H>,
    source: Arc<dyn ReportSource>,
    sequence: u64,
    last: Option<(Report, Instant)>,
}

impl<H: Send + Sync + 'static> Reporter<H> {
    /// Reports of `source` to whom `runtime` is connected.
    pub fn new(runtime: Runtime<H>, source: Arc<dyn ReportSource>) -> Self {
        Self { runtime, source, sequence: 0, last: None }
    }

    /// Reports until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        let changed = self.source.changed();
        let mut manager = self.runtime.manager();
        let mut tick = interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => {}
                () = async {
                    changed.notified().await;
                    sleep(GATHER).await;
                } => {}
                connected = manager.changed() => match connected {
                    // A manager that connects wants the whole picture, also where it is unchanged.
                    Ok(()) => self.last = None,
                    Err(_) => return,
                },
            }
            let Some(base) = manager.borrow_and_update().clone() else { continue };
            self.report(&base).await;
        }
    }

    async fn report(&mut self, base: &str) {
        let mut report = match self.source.look().await {
            Ok(report) => report,
            Err(error) => return warn!(error = %Chain(&error), "could not look at the host"),
        };
        if let Some((last, sent)) = &self.last
            && sent.elapsed() < REPORT_EVERY
            && !is_news(last, &report)
        {
            return;
        }
        let content = report.clone();
        self.sequence += 1;
        report.agent = self.runtime.agent_id().to_owned();
        report.boot_id = self.runtime.boot_id().to_owned();
        report.sequence = self.sequence;
        report.taken_ms = now_ms();
        match self.runtime.callbacks().report(base, &report).await {
            Ok(()) => self.last = Some((content, Instant::now())),
            // The next look tries again.
            Err(error) => debug!(error = %Chain(&error), "could not report"),
        }
    }
}

fn is_news(old: &Report, new: &Report) -> bool {
    old.vms != new.vms
        || memory_moved(old.memory.as_ref(), new.memory.as_ref())
        || old.storages.len() != new.storages.len()
        || old.storages.iter().zip(&new.storages).any(|(old, new)| storage_moved(old, new))
}

fn memory_moved(old: Option<&Memory>, new: Option<&Memory>) -> bool {
    match (old, new) {
        (Some(old), Some(new)) => old.total != new.total || moved(old.available, new.available, new.total),
        (old, new) => old.is_some() != new.is_some(),
    }
}

fn storage_moved(old: &StorageCapacity, new: &StorageCapacity) -> bool {
    old.path != new.path || old.total != new.total || moved(old.available, new.available, new.total)
}

fn moved(old: u64, new: u64, total: u64) -> bool {
    old.abs_diff(new) > total >> NEWS_SHIFT
}

#[cfg(test)]
mod tests {
    use cumulo_proto::{VmOnHost, VmState};

    use super::*;

    fn report(state: VmState, available: u64) -> Report {
        Report {
            vms: vec![VmOnHost { uuid: "v".into(), state: state.into() }],
            memory: Some(Memory { total: 1 << 30, available }),
            storages: vec![StorageCapacity { path: "/s".into(), total: 1 << 40, available: 1 << 39 }],
            ..Report::default()
        }
    }

    #[test]
    fn a_vm_that_changes_is_news_and_a_little_memory_is_not() {
        let old = report(VmState::Running, 1 << 29);
        assert!(!is_news(&old, &old));
        assert!(!is_news(&old, &report(VmState::Running, (1 << 29) + (1 << 20))));
        assert!(is_news(&old, &report(VmState::Running, (1 << 29) + (1 << 26))));
        assert!(is_news(&old, &report(VmState::Stopped, 1 << 29)));
        assert!(is_news(&old, &Report { memory: None, ..old.clone() }));
        assert!(is_news(&old, &Report { storages: vec![], ..old.clone() }));
    }
}
