//! `IsReadyToGo`: a node that can answer this is ready; of another node its signs of life tell.

use async_trait::async_trait;
use cumulo_contracts::api::management::IsReadyToGo;
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{Empty, ErrorCode, codes};

use super::{Nodes, heartbeat::interval};

/// So many signs of life may be missing before a node counts as gone.
const MISSABLE: u32 = 3;

#[async_trait]
impl HandleApi<IsReadyToGo> for Nodes {
    async fn handle(&self, cx: &ApiCx, api: IsReadyToGo) -> Result<Empty, ErrorCode> {
        let Some(asked) = api.management_node_id.filter(|text| !text.is_empty()) else { return Ok(Empty {}) };
        let shown: String = asked.chars().take(80).collect();
        let node = asked.parse().map_err(|_| ErrorCode::not_found("ManagementNode", &shown))?;
        if node == self.kernel.node() {
            return Ok(Empty {});
        }
        let row = self.store.find(node).await?.ok_or_else(|| ErrorCode::not_found("ManagementNode", node))?;
        match row.heart_beat.plus(interval(&self.kernel) * MISSABLE) > cx.now() {
            true => Ok(Empty {}),
            false => {
                let details = format!("management node {node} gives no sign of life since {}", row.heart_beat);
                Err(ErrorCode::new(codes::NOT_READY, details))
            }
        }
    }
}
