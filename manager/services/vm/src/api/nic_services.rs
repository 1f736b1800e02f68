//! `GetVmNicAttachedNetworkService`.

use std::collections::BTreeSet;

use async_trait::async_trait;
use cumulo_contracts::{
    api::vm_nic::{GetVmNicAttachedNetworkService, GetVmNicAttachedNetworkServiceReply},
    resource::NetworkServiceL3NetworkRef,
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::ErrorCode;

use crate::{Vms, store};

#[async_trait]
impl HandleApi<GetVmNicAttachedNetworkService> for Vms {
    async fn handle(
        &self,
        _: &ApiCx,
        api: GetVmNicAttachedNetworkService,
    ) -> Result<GetVmNicAttachedNetworkServiceReply, ErrorCode> {
        let db = self.kernel.db();
        let nic = store::nic(db, api.vm_nic_uuid).await?;
        // One that no VM has is served by nobody yet.
        let (Some(_), Some(l3)) = (nic.vm_instance_uuid, nic.l3_network_uuid) else {
            return Ok(GetVmNicAttachedNetworkServiceReply { network_services: vec![] });
        };
        let attached = db.select::<NetworkServiceL3NetworkRef>().eq(NetworkServiceL3NetworkRef::L3_NETWORK_UUID, &l3);
        let types: BTreeSet<String> = attached.all().await?.into_iter().map(|row| row.network_service_type).collect();
        Ok(GetVmNicAttachedNetworkServiceReply { network_services: types.into_iter().collect() })
    }
}
