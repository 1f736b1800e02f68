//! Who may change what a host serves of a network at one time: any number of additions, or one that looks at the whole.
//!
//! Telling a host everything anew while another caller adds a NIC would take that NIC away again, and additions one after
//! another would make the start of many VMs wait for itself; so additions share the lane, and the rest has it alone.
//!
//! Lanes are of one node. Where several share the work, who tells a host the whole looks again afterwards, and tells it anew if
//! something was recorded meanwhile (`Flat::converge_alone`): who adds or removes one records that before it tells the host, so
//! either it was seen, or the host is told of it after the whole.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use cumulo_schema::Uuid;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

type Lane = Arc<RwLock<()>>;

/// A lane per host and L3 network, there while somebody is in it.
#[derive(Debug, Default)]
pub(crate) struct Lanes(Mutex<HashMap<(Uuid, Uuid), Lane>>);

impl Lanes {
    /// To add something.
    pub(crate) async fn shared(&self, host: Uuid, l3: Uuid) -> OwnedRwLockReadGuard<()> {
        self.lane(host, l3).read_owned().await
    }

    /// To look at the whole.
    pub(crate) async fn alone(&self, host: Uuid, l3: Uuid) -> OwnedRwLockWriteGuard<()> {
        self.lane(host, l3).write_owned().await
    }

    fn lane(&self, host: Uuid, l3: Uuid) -> Lane {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get(&(host, l3)) {
            return lane.clone();
        }
        // Nobody holds or waits for what only the table refers to.
        lanes.retain(|_, lane| Arc::strong_count(lane) > 1);
        lanes.entry((host, l3)).or_default().clone()
    }
}
