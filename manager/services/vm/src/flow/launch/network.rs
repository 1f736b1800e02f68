//! The VM's NICs, their networks on the host, and the services they get there.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    message::network::{self, AllocateIp, ReleaseIp, ReleaseIps, ServedNic, UnserveNics},
    resource::{UsedIp, VmNic},
};
use cumulo_kernel::{
    flow::{Step, StepCx},
    ownership::NewTags,
    plan::{Planning, effect},
};
use cumulo_schema::{ErrorCode, Resource, Uuid};

use super::LaunchVm;
use crate::{
    Vms, key_pair,
    store::{self, NewNicRow},
    tags::Wishes,
};

/// Takes an address for each new NIC and records the NIC.
pub(super) struct AllocateNics(pub(super) Arc<Vms>);

#[async_trait]
impl Step<LaunchVm> for AllocateNics {
    fn name(&self) -> &'static str {
        "allocate-nics"
    }

    fn describe(&self) -> &'static str {
        "takes an address for each new NIC and records the NIC"
    }

    async fn foresee(&self, cx: &StepCx<LaunchVm>, planning: &Planning) -> Result<(), ErrorCode> {
        planning.touch(VmNic::META.vo, effect::CREATED, cx.nics.iter().map(|nic| nic.nic));
        planning.touch_some(UsedIp::META.vo, effect::CREATED, cx.nics.len());
        Ok(())
    }

    async fn run(&self, cx: &mut StepCx<LaunchVm>) -> Result<(), ErrorCode> {
        let kernel = &self.0.kernel;
        for new in &cx.nics {
            let ask = AllocateIp { nic: new.nic, l3: new.l3, wanted: new.wanted_ip.clone(), strategy: None };
            let lease = kernel.bus().call(ask).await?;
            let row = NewNicRow {
                account: cx.account,
                vm: Some(cx.vm),
                nic: new.nic,
                l3: new.l3,
                device_id: new.device_id,
                mac: None,
                model: None,
                claim: None,
                tags: &NewTags::default(),
            };
            store::insert_nic(kernel.db(), &row, &lease).await?;
        }
        Ok(())
    }

    async fn undo(&self, cx: &mut StepCx<LaunchVm>) -> Result<(), ErrorCode> {
        let kernel = &self.0.kernel;
        for new in &cx.nics {
            kernel.bus().call(ReleaseIp { nic: new.nic }).await?;
            store::remove_nic(kernel, new.nic, None).await?;
        }
        Ok(())
    }
}

/// Takes an address for each NIC of a VM that exists and has none: its range is gone, and the network has others. Where the
/// VM claims one, it is that or none: who claims an address wants to be found there. A VM that does not start holds none of them.
pub(super) struct RenewAddresses(pub(super) Arc<Vms>);

#[async_trait]
impl Step<LaunchVm> for RenewAddresses {
    fn name(&self) -> &'static str {
        "renew-addresses"
    }

    fn describe(&self) -> &'static str {
        "takes an address for each NIC that has lost its own"
    }

    async fn run(&self, cx: &mut StepCx<LaunchVm>) -> Result<(), ErrorCode> {
        let kernel = &self.0.kernel;
        for nic in store::nics(kernel.db(), cx.vm).await?.into_iter().filter(|nic| nic.ip.is_none()) {
            let Some(l3) = nic.l3_network_uuid else { continue };
            let claim = store::static_ips(kernel.db(), cx.vm, l3).await?.pop();
            let wanted = claim.and_then(|tag| store::static_ip(&tag.text)).map(|(_, ip)| ip);
            let lease = kernel.bus().call(AllocateIp { nic: nic.uuid, l3, wanted, strategy: None }).await?;
            store::set_address(kernel.db(), nic.uuid, &lease).await?;
        }
        Ok(())
    }

    async fn undo(&self, cx: &mut StepCx<LaunchVm>) -> Result<(), ErrorCode> {
        if cx.renewed.is_empty() {
            return Ok(());
        }
        let kernel = &self.0.kernel;
        kernel.bus().call(ReleaseIps { nics: cx.renewed.clone() }).await?;
        Ok(store::without_address(kernel.db(), &cx.renewed).await?)
    }
}

/// Makes sure the L2 networks are on the host. They stay: others may use them by the time of an undo.
pub(super) struct PrepareNetworks(pub(super) Arc<Vms>);

#[async_trait]
impl Step<LaunchVm> for PrepareNetworks {
    fn name(&self) -> &'static str {
        "prepare-networks"
    }

    // Its undo does nothing.
    fn is_foretold(&self) -> bool {
        true
    }

    fn describe(&self) -> &'static str {
        "makes sure the L2 networks are on the host"
    }

    async fn run(&self, cx: &mut StepCx<LaunchVm>) -> Result<(), ErrorCode> {
        let l3s: Vec<Uuid> = l3s(&self.0, cx.vm).await?;
        if l3s.is_empty() {
            return Ok(());
        }
        let ask = network::PrepareNetworks { host: cx.chosen()?.host, l3s, task: cx.task("networks") };
        cx.networks = self.0.kernel.bus().call(ask).await?;
        Ok(())
    }

    async fn undo(&self, cx: &mut StepCx<LaunchVm>) -> Result<(), ErrorCode> {
        cx.networks.clear();
        Ok(())
    }
}

async fn l3s(vms: &Vms, vm: Uuid) -> Result<Vec<Uuid>, ErrorCode> {
    let nics = store::nics(vms.kernel.db(), vm).await?;
    Ok(nics.iter().filter_map(|nic| nic.l3_network_uuid).collect())
}

/// Gives the NICs DHCP, user data and the like, before the guest asks for them.
pub(super) struct ServeNics(pub(super) Arc<Vms>);

#[async_trait]
impl Step<LaunchVm> for ServeNics {
    fn name(&self) -> &'static str {
        "serve-nics"
    }

    // The NICs are there, and the host is chosen, before what it follows.
    fn is_foretold(&self) -> bool {
        true
    }

    fn describe(&self) -> &'static str {
        "gives the NICs DHCP, user data and the like"
    }

    async fn run(&self, cx: &mut StepCx<LaunchVm>) -> Result<(), ErrorCode> {
        let nics = served(&self.0, cx).await?;
        if nics.is_empty() {
            return Ok(());
        }
        let tags = crate::api::system_tags(self.0.kernel.db(), cx.vm).await?;
        let wishes = Wishes::of(tags.iter().map(String::as_str))?;
        let ssh_keys = key_pair::with_attached(self.0.kernel.db(), cx.vm, wishes.ssh_keys).await?;
        let ask = network::ServeNics {
            vm: cx.vm,
            host: cx.chosen()?.host,
            hostname: cx.hostname.clone(),
            user_data: wishes.user_data,
            ssh_keys,
            nics,
            task: cx.task("services"),
        };
        self.0.kernel.bus().call(ask).await
    }

    async fn undo(&self, cx: &mut StepCx<LaunchVm>) -> Result<(), ErrorCode> {
        let nics = served(&self.0, cx).await?;
        let Ok(host) = cx.chosen().map(|choice| choice.host) else { return Ok(()) };
        if nics.is_empty() {
            return Ok(());
        }
        self.0.kernel.bus().call(UnserveNics { vm: cx.vm, host, nics, task: cx.task("services") }).await
    }
}

async fn served(vms: &Vms, cx: &StepCx<LaunchVm>) -> Result<Vec<ServedNic>, ErrorCode> {
    let nics = store::nics(vms.kernel.db(), cx.vm).await?;
    Ok(nics.iter().filter_map(|nic| store::served(nic, cx.default_l3)).collect())
}
