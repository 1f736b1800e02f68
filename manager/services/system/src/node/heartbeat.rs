//! The node's row: made at start, with a sign of life every few seconds. A node that stops leaves its row to grow old,
//! whether it stopped on purpose or not, so that there is one way of telling who is gone; its next life replaces it, or
//! after an hour the others take it away. What decides who works on what is not this row but the lease.

use std::time::Duration;

use cumulo_kernel::{Kernel, apart};
use cumulo_schema::{ErrorCode, Timestamp, system::ManagementNode};

use super::{CATEGORY, HEARTBEAT, store::Store};

/// Of a node that is gone its row is kept for so many signs of life, for people to see.
const KEPT: u32 = 720;
/// Where the kernel tells the machine's name.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// Records this node and keeps its row fresh until the node stops. Call it once, when the kernel has started.
pub fn start(kernel: &Kernel) {
    let (store, beating) = (Store::new(kernel.db().clone()), kernel.clone());
    kernel.spawn(async move {
        let now = Timestamp::now();
        let node =
            ManagementNode { uuid: beating.node(), host_name: host_name().await, join_date: now, heart_beat: now };
        let mut joined = false;
        loop {
            match beat(&store, &node, joined).await {
                Ok(()) => joined = true,
                Err(error) => tracing::warn!(node = %node.uuid, %error, "a sign of life could not be recorded"),
            }
            if beating.cluster().is_shared()
                && let Err(error) = forget_gone(&beating, &store).await
            {
                tracing::warn!(%error, "nodes that are gone could not be forgotten");
            }
            tokio::time::sleep(interval(&beating)).await;
        }
    });
}

/// Gives a sign of life; the first one replaces the row of an earlier life.
async fn beat(store: &Store, node: &ManagementNode, joined: bool) -> Result<(), ErrorCode> {
    if joined && store.beat(node.uuid).await? {
        return Ok(());
    }
    if joined {
        tracing::warn!(node = %node.uuid, "the row of this node was gone and is made again");
    }
    Ok(store.put(&ManagementNode { heart_beat: Timestamp::now(), ..node.clone() }).await?)
}

/// Takes away the rows of nodes that the others gave up, or that left, once they are old.
async fn forget_gone(kernel: &Kernel, store: &Store) -> Result<(), ErrorCode> {
    let members = kernel.cluster().members().view().ring.nodes();
    let age = i64::try_from((interval(kernel) * KEPT).as_millis()).unwrap_or(i64::MAX);
    Ok(store.forget_gone(&members, Timestamp(Timestamp::now().0 - age)).await?)
}

async fn host_name() -> String {
    let text =
        apart::run(|| std::fs::read_to_string(HOST_NAME)).await.map(Result::unwrap_or_default).unwrap_or_default();
    if text.trim().is_empty() { "localhost".to_owned() } else { text.trim().to_owned() }
}

/// The time between two signs of life.
pub(super) fn interval(kernel: &Kernel) -> Duration {
    // Declared by this service; a row spoilt by hand must not make the node look dead.
    Duration::from_secs(kernel.configs().get(CATEGORY, HEARTBEAT).unwrap_or(5))
}
