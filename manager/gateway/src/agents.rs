//! Which agents there are and where: the one table of the gateway.
//!
//! It exists so that after a restart of the manager every agent is a call away without asking whoever deployed it.

use cumulo_derive::resource;
use cumulo_kernel::db::{Db, DbError, Migration};
use cumulo_schema::{Timestamp, Uuid, wire_enum};

wire_enum! {
    /// What an agent does; one machine may have one of each.
    pub enum AgentKind { Kvm, Storage }
}

impl AgentKind {
    /// The port it listens on.
    #[must_use]
    pub const fn port(self) -> u16 {
        match self {
            AgentKind::Kvm => 7070,
            AgentKind::Storage => 7080,
        }
    }

    /// Name of its role and its playbook.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            AgentKind::Kvm => "kvm-agent",
            AgentKind::Storage => "storage-agent",
        }
    }
}

wire_enum! {
    /// What stands behind an agent's id.
    pub enum AgentRecord {
        /// A deployed [`AgentKind::Kvm`].
        Kvm,
        /// A deployed [`AgentKind::Storage`].
        Storage,
        /// No machine at all: see [`crate::Gateway::simulate`].
        Simulated,
    }
}

impl AgentRecord {
    /// What was deployed, if anything was.
    pub(crate) const fn deployed(self) -> Option<AgentKind> {
        match self {
            AgentRecord::Kvm => Some(AgentKind::Kvm),
            AgentRecord::Storage => Some(AgentKind::Storage),
            AgentRecord::Simulated => None,
        }
    }
}

impl From<AgentKind> for AgentRecord {
    fn from(kind: AgentKind) -> Self {
        match kind {
            AgentKind::Kvm => AgentRecord::Kvm,
            AgentKind::Storage => AgentRecord::Storage,
        }
    }
}

/// An agent that can be called.
#[resource(table = "agent", java = "org.cumulo.gateway.AgentInventory", vo = "AgentVO")]
pub struct Agent {
    /// Its id: that of the host or storage it works for.
    #[field(unique, part_of = "Host, BackupStorage")]
    pub uuid: Uuid,
    /// What it is.
    pub kind: AgentRecord,
    /// Name or address of its machine.
    pub address: String,
    /// Where it listens there.
    pub port: i32,
    /// When it was first deployed.
    pub create_date: Timestamp,
    /// When it was last deployed.
    pub last_op_date: Timestamp,
}

pub(crate) const MIGRATION: Migration =
    Migration { name: "20261121_0105_gateway", sql: include_str!("../migrations/20261121_0105_gateway.sql") };

/// Reads and writes the table.
#[derive(Debug)]
pub(crate) struct Agents {
    db: Db,
}

impl Agents {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    pub(crate) async fn find(&self, agent: Uuid) -> Result<Option<Agent>, DbError> {
        self.db.find(Agent::UUID, &agent).await
    }

    /// Records where a deployed `agent` is; replaces what was recorded before.
    pub(crate) async fn put(&self, agent: Uuid, kind: AgentKind, address: &str) -> Result<(), DbError> {
        self.record(agent, kind.into(), address, kind.port()).await
    }

    /// Records that behind `agent` there is no machine.
    pub(crate) async fn put_simulated(&self, agent: Uuid) -> Result<(), DbError> {
        match self.find(agent).await? {
            Some(known) if known.kind == AgentRecord::Simulated => Ok(()),
            _ => self.record(agent, AgentRecord::Simulated, "", 0).await,
        }
    }

    async fn record(&self, agent: Uuid, kind: AgentRecord, address: &str, port: u16) -> Result<(), DbError> {
        let now = Timestamp::now();
        let create_date = self.find(agent).await?.map_or(now, |known| known.create_date);
        let mut batch = self.db.batch();
        batch.delete::<Agent>().eq(Agent::UUID, &agent).any();
        batch.insert(&Agent {
            uuid: agent,
            kind,
            address: address.to_owned(),
            port: i32::from(port),
            create_date,
            last_op_date: now,
        });
        self.db.commit(batch).await.map(drop)
    }

    pub(crate) async fn remove(&self, agent: Uuid) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch.delete::<Agent>().eq(Agent::UUID, &agent).any();
        self.db.commit(batch).await.map(drop)
    }
}
