//! `SetVmBootMode` and `DeleteVmBootMode`.

use async_trait::async_trait;
use cumulo_contracts::{
    api::vm_settings::{DeleteVmBootMode, SetVmBootMode},
    resource::BootMode,
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{Empty, ErrorCode};

use crate::{Vms, settings};

#[async_trait]
impl HandleApi<SetVmBootMode> for Vms {
    async fn handle(&self, _: &ApiCx, api: SetVmBootMode) -> Result<Empty, ErrorCode> {
        let wrong = |why| ErrorCode::invalid(format!("field[bootMode]: {why}"));
        let tag = settings::boot_mode_tag(BootMode::named(&api.boot_mode).map_err(wrong)?);
        settings::BOOT_MODE.set(&self.kernel, api.uuid, Some(&tag)).await?;
        Ok(Empty {})
    }
}

#[async_trait]
impl HandleApi<DeleteVmBootMode> for Vms {
    async fn handle(&self, _: &ApiCx, api: DeleteVmBootMode) -> Result<Empty, ErrorCode> {
        settings::BOOT_MODE.set(&self.kernel, api.uuid, None).await?;
        Ok(Empty {})
    }
}
