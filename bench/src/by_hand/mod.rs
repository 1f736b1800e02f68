//! What the node does for a VM, done by hand: the same rows, durable before each command and after the last, and the same
//! commands to agents of a hosts' process over mutual TLS, with the outcomes called back. No flow, no job, no queue, no check,
//! no choice, no undo.
//!
//! What "the same" is nobody has to keep up to date: one VM is made and deleted through the node, and what changed in its
//! database and what its agents executed is the recording ([`Recording`]). A command that [`agents`] cannot give ends the
//! benchmark, and is to be added there.

mod agents;
mod rows;
mod snapshot;
mod writer;

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};

use cumulo_sim_hosts::control::Execution;
use futures::{StreamExt, TryStreamExt, stream};
use tempfile::TempDir;

use self::{
    agents::{Agents, Call},
    rows::{Changes, Marks},
    snapshot::Snapshot,
    writer::Writer,
};
use crate::{
    clients::{CLIENTS, create, delete},
    cloud::Cloud,
    count,
    stage::Stage,
};

/// What a VM takes, as it was seen.
pub(crate) struct Recording {
    /// The node's database before the VM was there.
    before: TempDir,
    create: Work,
    delete: Work,
}

/// What is written, and what agents are told.
struct Work {
    changes: Changes,
    calls: Vec<Call>,
}

impl Recording {
    /// Makes a VM through the node, which does nothing else meanwhile, and deletes it.
    pub(crate) async fn make(stage: &Stage, cloud: &Cloud) -> anyhow::Result<Self> {
        let before_dir = tempfile::tempdir()?;
        let before = Snapshot::take(&stage.database(), &before_dir.path().join("by-hand.db"))?;
        let told_before = stage.executions().await?;
        let vm = create(stage, cloud, "recorded".to_owned()).await?;
        let with = Snapshot::of(&stage.database())?;
        let told_to_create = stage.executions().await?;
        delete(stage, &vm).await?;
        let without = Snapshot::of(&stage.database())?;
        let told_to_delete = stage.executions().await?;
        let marks = Marks::of(&before, &with)?;
        let create =
            Work { changes: Changes::between(&before, &with, &marks), calls: new(&told_before, &told_to_create)? };
        let delete =
            Work { changes: Changes::between(&with, &without, &marks), calls: new(&told_to_create, &told_to_delete)? };
        anyhow::ensure!(!create.calls.is_empty() && !delete.calls.is_empty(), "no agent was told anything");
        println!("by hand: a create is {create}, a delete {delete}");
        Ok(Self { before: before_dir, create, delete })
    }
}

impl std::fmt::Display for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let calls: Vec<&str> = self.calls.iter().map(|call| call.name()).collect();
        write!(f, "{} rows and {}", self.changes.len(), calls.join(", "))
    }
}

/// What was executed since, in order.
fn new(before: &[Execution], after: &[Execution]) -> anyhow::Result<Vec<Call>> {
    let known: std::collections::HashSet<&str> = before.iter().map(|execution| execution.task.as_str()).collect();
    let new = after.iter().filter(|execution| !known.contains(execution.task.as_str()));
    new.map(|execution| Call::named(&execution.command)).collect()
}

/// A database and hosts for work by hand.
pub(crate) struct ByHand {
    recording: Recording,
    writer: Writer,
    agents: Agents,
    next: AtomicU32,
    made: Mutex<Vec<u32>>,
}

impl ByHand {
    /// With so many hosts, whose commands take `work_ms` milliseconds longer than they need.
    pub(crate) async fn set(recording: Recording, hosts: usize, work_ms: u64) -> anyhow::Result<Self> {
        let writer = Writer::open(&recording.before.path().join("by-hand.db"))?;
        let agents = Agents::deploy(hosts, work_ms).await?;
        Ok(Self { recording, writer, agents, next: AtomicU32::new(0), made: Mutex::default() })
    }

    /// Makes one VM.
    pub(crate) async fn create(&self) -> anyhow::Result<()> {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        self.run(&self.recording.create, n).await?;
        self.made.lock().unwrap_or_else(PoisonError::into_inner).push(n);
        Ok(())
    }

    /// Makes so many, as many at once as there are clients of the node; how many a second.
    pub(crate) async fn create_many(&self, many: usize) -> anyhow::Result<f64> {
        let begun = Instant::now();
        let made = stream::iter(0..many).map(|_| self.create()).buffer_unordered(CLIENTS);
        made.try_collect::<()>().await?;
        Ok(count(many) / begun.elapsed().as_secs_f64())
    }

    /// Deletes all that were made; how many a second.
    pub(crate) async fn delete_all(&self) -> anyhow::Result<f64> {
        let made = std::mem::take(&mut *self.made.lock().unwrap_or_else(PoisonError::into_inner));
        let (many, begun) = (made.len(), Instant::now());
        let gone = stream::iter(made).map(|n| self.run(&self.recording.delete, n)).buffer_unordered(CLIENTS);
        gone.try_collect::<()>().await?;
        Ok(count(many) / begun.elapsed().as_secs_f64())
    }

    /// Writes a part of the rows before each command, and the last of them after the last.
    async fn run(&self, work: &Work, n: u32) -> anyhow::Result<()> {
        let mut parts = work.changes.parts(work.calls.len() + 1, n).into_iter();
        for call in &work.calls {
            self.writer.commit(parts.next().unwrap_or_default()).await?;
            self.agents.tell(*call, n).await?;
        }
        self.writer.commit(parts.next().unwrap_or_default()).await
    }
}
