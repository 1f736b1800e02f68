//! The two tables of the membership.

use cumulo_derive::resource;
use cumulo_schema::{Json, Timestamp, Uuid};

/// A node that takes part.
#[resource(table = "node_lease", java = "org.cumulo.node.NodeLeaseInventory", vo = "NodeLeaseVO")]
pub struct NodeLease {
    /// The node.
    #[field(unique)]
    pub node_uuid: Uuid,
    /// Which life of it.
    pub incarnation: Uuid,
    /// Where it runs.
    pub host_name: String,
    /// Until when, by the database's clock, in epoch milliseconds.
    pub lease_until: i64,
    /// The last epoch whose ring it works by.
    pub adopted: i64,
    /// The last epoch of which it finished everything that was taken from it.
    pub drained: i64,
    /// Since when, by its own clock.
    pub join_date: Timestamp,
}

/// Who took part from then on. Never changed.
#[resource(table = "ring_epoch", java = "org.cumulo.node.RingEpochInventory", vo = "RingEpochVO")]
pub struct RingEpoch {
    /// Its number, one more than the one before.
    #[field(unique)]
    pub epoch: i64,
    /// The nodes.
    pub members: Json<Vec<Uuid>>,
    /// When it was written, by the writer's clock.
    pub create_date: Timestamp,
}
