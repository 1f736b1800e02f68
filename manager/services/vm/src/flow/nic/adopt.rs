//! The steps by which a VM gets a NIC that there is already, and that belongs to none. It keeps its address and its hardware
//! address; it belongs to the owner of the VM from then on, as all NICs of one do.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    message::network::{AllocateIp, ReleaseIp},
    resource::VmNic,
};
use cumulo_kernel::{
    flow::{Step, StepCx},
    ownership,
    plan::Planning,
};
use cumulo_schema::{ErrorCode, Resource, Uuid};
use serde::{Deserialize, Serialize};

use super::ChangeNic;
use crate::{
    Vms,
    store::{self, Adoption},
};

/// What a NIC was before a VM got it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Loose {
    /// Who owned it.
    pub account: Uuid,
    /// Whether it had an address: the range may have been deleted that it was of.
    pub addressed: bool,
}

/// Reads what the NIC is before its VM gets it.
pub(super) struct Check(pub(super) Arc<Vms>);

impl Check {
    async fn judge(&self, cx: &StepCx<ChangeNic>) -> Result<VmNic, ErrorCode> {
        let nic = store::nic(self.0.kernel.db(), cx.nic).await?;
        match nic.vm_instance_uuid {
            None => Ok(nic),
            Some(_) => Err(store::not_loose(&nic)),
        }
    }
}

#[async_trait]
impl Step<ChangeNic> for Check {
    fn name(&self) -> &'static str {
        "check-loose"
    }

    fn describe(&self) -> &'static str {
        "looks whether the NIC belongs to no VM"
    }

    async fn foresee(&self, cx: &StepCx<ChangeNic>, planning: &Planning) -> Result<(), ErrorCode> {
        planning.touch(VmNic::META.vo, "given to the VM", [cx.nic]);
        self.judge(cx).await.map(drop)
    }

    async fn run(&self, cx: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        let nic = self.judge(cx).await?;
        let account = ownership::owner_or_admin(self.0.kernel.db(), cx.nic).await?;
        cx.loose = Some(Loose { account, addressed: nic.ip.is_some() });
        Ok(())
    }

    async fn undo(&self, _: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        Ok(())
    }
}

/// Records that it belongs to the VM.
pub(super) struct Adopt(pub(super) Arc<Vms>);

#[async_trait]
impl Step<ChangeNic> for Adopt {
    fn name(&self) -> &'static str {
        "adopt-nic"
    }

    fn describe(&self) -> &'static str {
        "records that the NIC belongs to the VM"
    }

    async fn run(&self, cx: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        let kernel = &self.0.kernel;
        let nic = store::nic(kernel.db(), cx.nic).await?;
        let lease = match store::lease_of(&nic) {
            Some(lease) => lease,
            None => {
                let ask = AllocateIp { nic: cx.nic, l3: cx.l3, wanted: cx.ip.clone(), strategy: None };
                kernel.bus().call(ask).await?
            }
        };
        let by = Adoption {
            vm: cx.vm,
            account: cx.account,
            device_id: cx.device_id,
            lease: &lease,
            is_default: cx.is_default,
        };
        store::adopt_nic(kernel.db(), &nic, &by).await
    }

    async fn undo(&self, cx: &mut StepCx<ChangeNic>) -> Result<(), ErrorCode> {
        let kernel = &self.0.kernel;
        let Some(Loose { account, addressed }) = cx.loose else { return Ok(()) };
        let of_another = |nic: &VmNic| nic.vm_instance_uuid.is_some_and(|vm| vm != cx.vm);
        if store::find_nic(kernel.db(), cx.nic).await?.is_none_or(|nic| of_another(&nic)) {
            return Ok(());
        }
        store::let_go_of_nic(kernel.db(), cx.nic, cx.vm, account, addressed).await?;
        match addressed {
            true => Ok(()),
            false => kernel.bus().call(ReleaseIp { nic: cx.nic }).await,
        }
    }
}
