//! `ChangeClusterState`: a disabled cluster takes no new virtual machines; those that run in it go on.

use async_trait::async_trait;
use cumulo_contracts::{
    api::cluster::ChangeClusterState,
    resource::{Cluster, ResourceState},
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use crate::Clusters;

#[async_trait]
impl HandleApi<ChangeClusterState> for Clusters {
    async fn handle(&self, cx: &ApiCx, api: ChangeClusterState) -> Result<Inventory<Cluster>, ErrorCode> {
        let state = match api.state_event.as_str() {
            "enable" => ResourceState::Enabled,
            _ => ResourceState::Disabled,
        };
        self.store.set_state(api.uuid, state).await?;
        cx.inventory::<Cluster>(&api.uuid).await
    }
}
