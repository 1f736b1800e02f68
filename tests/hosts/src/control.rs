//! What is said over the control socket: HTTP with bodies in JSON, on a Unix socket in the folder of the process.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `POST /deployments` | a [`Deployment`] | |
//! | `POST /orders` | an [`Order`] | |
//! | `GET /machines` | | every [`Machine`] |
//! | `GET /executions` | | every [`Execution`], in order of each machine |
//!
//! `curl --unix-socket DIR/control http://hosts/machines` shows it to a person.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// The socket of the process whose folder is `dir`.
#[must_use]
pub fn socket(dir: &Path) -> PathBuf {
    dir.join("control")
}

/// What an agent does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It runs VMs.
    KvmAgent,
    /// It keeps images.
    StorageAgent,
}

/// An agent that is to be at an address, with the certificate it is to show.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// What it does.
    pub kind: Kind,
    /// Its id.
    pub agent: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// The manager's authority, as PEM.
    pub ca: String,
    /// Its certificate, as PEM.
    pub certificate: String,
    /// Its private key, as PEM.
    pub key: String,
}

impl fmt::Debug for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, agent, address, .. } = self;
        f.debug_struct("Deployment")
            .field("kind", kind)
            .field("agent", agent)
            .field("address", address)
            .finish_non_exhaustive()
    }
}

/// An agent and what is on its machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it does.
    pub kind: Kind,
    /// Its id: that of the host or storage.
    pub agent: String,
    /// The VMs that are defined there, running or not.
    pub guests: Vec<Guest>,
    /// Image files.
    pub files: Vec<StoredFile>,
    /// How long commands ran here since the process was started, in milliseconds: what is the machine's own of the time that
    /// a manager waits.
    pub busy_ms: f64,
}

/// A VM on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guest {
    /// Its id.
    pub vm: String,
    /// `running`, `paused`, `stopped` or `crashed`.
    pub power: String,
    /// The hardware addresses of its NICs.
    pub macs: Vec<String>,
    /// The files of its disks.
    pub disks: Vec<PathBuf>,
}

/// A file on a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    /// Where it is.
    pub path: PathBuf,
    /// How many bytes it takes.
    pub size: u64,
}

/// One time that an agent worked on a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// Where the agent listened.
    pub address: SocketAddr,
    /// The agent's id.
    pub agent: String,
    /// The command: `StartVm`.
    pub command: String,
    /// The task's id.
    pub task: String,
    /// What the command was about, as the agent keeps them in order: a VM's id, a path.
    pub key: String,
    /// The epoch that the command came with.
    pub epoch: u64,
    /// In which life of the process, counted from 1.
    pub life: u64,
    /// Whether it came to its end in that life.
    pub is_ended: bool,
    /// Whether its outcome was told to a manager, or tried to be, in any life: it was on the agent's disk by then.
    pub is_told: bool,
}

/// What becomes of what is sent between a manager and all machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Passage {
    /// It arrives.
    Open,
    /// It is refused at once.
    Broken,
    /// Nothing is said; what was sent meanwhile arrives afterwards.
    Silent,
}

/// What the machines are told to do from now on. A process that is started again knows of none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "kebab-case")]
pub enum Order {
    /// Every command takes so much longer, before it does anything.
    Work {
        /// Milliseconds.
        ms: u64,
    },
    /// So many of the next outcomes are lost for good: the agent believes that they arrived, and tells them to who asks for
    /// the task again.
    LoseReplies {
        /// How many, added to those that are still to be lost.
        count: u64,
    },
    /// So many of the next outcomes are told twice.
    DoubleReplies {
        /// How many, added to those that are still to be doubled.
        count: u64,
    },
    /// The machine answers nothing and says nothing; commands under way stand still. What was asked meanwhile is done when it
    /// is released.
    Hang {
        /// The machine, with all its agents.
        machine: IpAddr,
    },
    /// The end of [`Order::Hang`].
    Release {
        /// The machine.
        machine: IpAddr,
    },
    /// The network between one manager and all machines. A manager is known by the address that it tells agents to call back,
    /// and its pings only once it has sent a command.
    Cut {
        /// The manager's callback address.
        manager: IpAddr,
        /// What becomes of what is sent.
        passage: Passage,
    },
}
