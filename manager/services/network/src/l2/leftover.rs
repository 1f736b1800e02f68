//! Networks that could not be taken off a host: owed, and tried again until it is done.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::resource::{Host, L2Network};
use cumulo_kernel::gc::GcRunner;
use cumulo_schema::{ErrorCode, Timestamp, Uuid};
use serde::{Deserialize, Serialize};

use super::attach::same_wire;
use crate::{Networks, store};

/// The name of the runner.
pub(crate) const RUNNER: &str = "remove-l2-network-from-host";

/// What is needed to take a network off a host when its row may be gone.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Leftover {
    host: Uuid,
    l2: Uuid,
    name: String,
    zone: Uuid,
    r#type: String,
    physical_interface: Option<String>,
    v_switch_type: String,
    virtual_network_id: i32,
}

impl Leftover {
    fn of(l2: &L2Network, host: Uuid) -> Self {
        Self {
            host,
            l2: l2.uuid,
            name: l2.name.clone(),
            zone: l2.zone_uuid,
            r#type: l2.r#type.clone(),
            physical_interface: l2.physical_interface.clone(),
            v_switch_type: l2.v_switch_type.clone(),
            virtual_network_id: l2.virtual_network_id,
        }
    }

    fn network(self) -> L2Network {
        let now = Timestamp::now();
        L2Network {
            uuid: self.l2,
            name: self.name,
            description: None,
            zone_uuid: self.zone,
            physical_interface: self.physical_interface,
            r#type: self.r#type,
            v_switch_type: self.v_switch_type,
            virtual_network_id: self.virtual_network_id,
            isolated: None,
            pvlan: None,
            create_date: now,
            last_op_date: now,
        }
    }
}

impl Networks {
    /// Records that `l2` is still to be taken off `host`.
    pub(super) async fn owe_removal(&self, l2: &L2Network, host: &Host, why: &ErrorCode) -> Result<(), ErrorCode> {
        let name = format!("take L2 network {} off host {}", l2.name, host.name);
        let context = serde_json::to_string(&Leftover::of(l2, host.uuid))
            .map_err(|cause| ErrorCode::internal("a debt cannot be stored").because_of(&cause))?;
        // A new debt each time: one that was paid once says nothing of a later attachment.
        self.kernel.debts().record(Uuid::random(), name, RUNNER, context, l2.uuid, why).await
    }
}

/// Tries again.
pub(crate) struct Leftovers(pub(crate) Arc<Networks>);

#[async_trait]
impl GcRunner for Leftovers {
    async fn run(&self, context: &str, _: u64) -> Result<(), ErrorCode> {
        let leftover: Leftover = serde_json::from_str(context)
            .map_err(|cause| ErrorCode::internal("a debt's context is unreadable").because_of(&cause))?;
        let db = self.0.kernel.db();
        let Some(host) = db.find(Host::UUID, &leftover.host).await? else { return Ok(()) };
        let l2 = leftover.network();
        // Attached again, or its bridge is another network's now.
        if store::l2s_in(db, host.cluster_uuid).await?.iter().any(|attached| same_wire(attached, &l2)) {
            return Ok(());
        }
        self.0.driver(&l2)?.remove(host.uuid, Uuid::random(), &l2).await
    }
}
