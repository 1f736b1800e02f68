//! Telling every node that the ranges of a network are others now: each has a pool of its own in memory.

use async_trait::async_trait;
use cumulo_kernel::bus::OnEvent;
use cumulo_schema::{ErrorCode, Event, Uuid};
use serde::{Deserialize, Serialize};

use crate::Networks;

/// Ranges, or reserved ranges, of an L3 network came or went.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RangesChanged {
    l3: Uuid,
}

impl Event for RangesChanged {
    const NAME: &'static str = "RangesChanged";
}

#[async_trait]
impl OnEvent<RangesChanged> for Networks {
    async fn on_event(&self, event: RangesChanged) -> Result<(), ErrorCode> {
        self.pools.forget(event.l3);
        Ok(())
    }
}

impl Networks {
    /// Has the pool of `l3` read again, here and on the other nodes.
    pub(crate) fn forget_pool(&self, l3: Uuid) {
        self.pools.forget(l3);
        self.kernel.bus().publish(&RangesChanged { l3 });
    }
}
