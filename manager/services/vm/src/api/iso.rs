//! `AttachIsoToVmInstance` and `DetachIsoFromVmInstance`.

use async_trait::async_trait;
use cumulo_contracts::{
    api::vm_cdrom::{AttachIsoToVmInstance, DetachIsoFromVmInstance},
    resource::VmInstance,
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory, Resource};

use crate::{
    Vms, cdrom,
    flow::disc::{ChangeDisc, Wish},
};

#[async_trait]
impl HandleApi<AttachIsoToVmInstance> for Vms {
    async fn handle(&self, cx: &ApiCx, api: AttachIsoToVmInstance) -> Result<Inventory<VmInstance>, ErrorCode> {
        for tag in &cx.tags.system {
            self.kernel.tags().check(VmInstance::META.vo, tag)?;
        }
        cdrom::check_iso(self.kernel.db(), api.iso_uuid).await?;
        let named = cx.tags.system.iter().find_map(|tag| cdrom::DRIVE.tokens(tag));
        let drive = named.and_then(|tokens| tokens["cdromUuid"].parse().ok());
        let wish = Wish::Insert { iso: api.iso_uuid, drive };
        cx.run_flow("change-disc", ChangeDisc::new(api.vm_instance_uuid, wish)).await
    }
}

#[async_trait]
impl HandleApi<DetachIsoFromVmInstance> for Vms {
    async fn handle(&self, cx: &ApiCx, api: DetachIsoFromVmInstance) -> Result<Inventory<VmInstance>, ErrorCode> {
        let wish = Wish::Eject { iso: api.iso_uuid };
        cx.run_flow("change-disc", ChangeDisc::new(api.vm_instance_uuid, wish)).await
    }
}
