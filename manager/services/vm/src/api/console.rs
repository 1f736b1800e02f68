//! `GetVmConsoleAddress`.

use async_trait::async_trait;
use cumulo_contracts::{
    api::vm::{GetVmConsoleAddress, GetVmConsoleAddressReply},
    resource::VmState,
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::ErrorCode;

use crate::{Vms, flow::change::OnHost, store};

#[async_trait]
impl HandleApi<GetVmConsoleAddress> for Vms {
    async fn handle(&self, cx: &ApiCx, api: GetVmConsoleAddress) -> Result<GetVmConsoleAddressReply, ErrorCode> {
        let vm = store::find(self.kernel.db(), api.uuid).await?;
        let on = OnHost::of(&vm).filter(|_| matches!(vm.state, VmState::Running | VmState::Paused));
        let on = on.ok_or_else(|| store::wrong_state(&vm, &[VmState::Running, VmState::Paused]))?;
        let console = self.hypervisor(&on.hypervisor)?.console(on.host, cx.job.derive("console"), vm.uuid).await?;
        Ok(GetVmConsoleAddressReply {
            host_ip: Some(console.ip),
            port: Some(console.port),
            path: None,
            protocol: Some(console.protocol),
            vdi_port_info: None,
        })
    }
}
