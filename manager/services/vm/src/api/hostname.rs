//! `SetVmHostname`, `GetVmHostname` and `DeleteVmHostname`.

use async_trait::async_trait;
use cumulo_contracts::{
    api::vm_address::{DeleteVmHostname, GetVmHostname, GetVmHostnameReply, SetVmHostname},
    resource::VmInstance,
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{Empty, ErrorCode, Resource};

use crate::{
    Vms,
    flow::rename::RenameGuest,
    store::{self, Tag},
    tags::HOSTNAME,
};

#[async_trait]
impl HandleApi<SetVmHostname> for Vms {
    async fn handle(&self, cx: &ApiCx, api: SetVmHostname) -> Result<Empty, ErrorCode> {
        let text = HOSTNAME.instantiate(&[("hostname", &api.hostname)]);
        self.kernel.tags().check(VmInstance::META.vo, &text)?;
        let new = Some((api.hostname, Tag { uuid: cx.job.derive("hostname"), text }));
        cx.run_flow("rename-guest", RenameGuest { vm: api.uuid, new, before: vec![], on: None }).await
    }
}

#[async_trait]
impl HandleApi<DeleteVmHostname> for Vms {
    async fn handle(&self, cx: &ApiCx, api: DeleteVmHostname) -> Result<Empty, ErrorCode> {
        cx.run_flow("rename-guest", RenameGuest { vm: api.uuid, new: None, before: vec![], on: None }).await
    }
}

#[async_trait]
impl HandleApi<GetVmHostname> for Vms {
    async fn handle(&self, _: &ApiCx, api: GetVmHostname) -> Result<GetVmHostnameReply, ErrorCode> {
        let tag = store::tags_of(self.kernel.db(), api.uuid, &HOSTNAME).await?.pop();
        let hostname = tag.and_then(|tag| HOSTNAME.tokens(&tag.text)?.remove("hostname"));
        Ok(GetVmHostnameReply { hostname })
    }
}
