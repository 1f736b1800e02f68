//! What is done to a NIC, and its opposite. Each asks for a state, so it may be done again.

use cumulo_contracts::{
    message::network::{AllocateIp, PrepareNetworks, ReleaseIp, ServedNic, UnserveNics},
    resource::VmNic,
};
use cumulo_kernel::{flow::StepCx, ownership::NewTags};
use cumulo_schema::ErrorCode;

use super::ChangeNic;
use crate::{
    Vms,
    api::spec,
    flow::change::OnHost,
    store::{self, NewNicRow},
};

/// Takes the address, records the NIC, and lets the default route go over it where it should.
pub(super) async fn make(vms: &Vms, cx: &StepCx<ChangeNic>) -> Result<(), ErrorCode> {
    let kernel = &vms.kernel;
    let ask = AllocateIp { nic: cx.nic, l3: cx.l3, wanted: cx.ip.clone(), strategy: None };
    let lease = kernel.bus().call(ask).await?;
    let row = NewNicRow {
        account: cx.account,
        vm: Some(cx.vm),
        nic: cx.nic,
        l3: cx.l3,
        device_id: cx.device_id,
        mac: cx.mac.as_deref(),
        model: cx.model.as_deref(),
        claim: cx.claim.as_ref(),
        tags: &NewTags::default(),
    };
    store::insert_nic(kernel.db(), &row, &lease).await?;
    match cx.is_default {
        true => store::set_default_l3(kernel.db(), cx.vm, cx.l3).await,
        false => Ok(()),
    }
}

/// Gives the address back and takes the NIC off the record.
pub(super) async fn drop_it(vms: &Vms, cx: &StepCx<ChangeNic>) -> Result<(), ErrorCode> {
    vms.kernel.bus().call(ReleaseIp { nic: cx.nic }).await?;
    store::remove_nic(&vms.kernel, cx.nic, cx.claim.as_ref()).await
}

/// Gives the NICs of a running VM the services of their networks: all of them, since the default route may have moved.
pub(super) async fn serve(vms: &Vms, cx: &StepCx<ChangeNic>) -> Result<(), ErrorCode> {
    let Some(on) = &cx.on else { return Ok(()) };
    vms.serve_all(cx.vm, on.host, cx.task("services")).await
}

/// Takes the services of this NIC back.
pub(super) async fn unserve(vms: &Vms, cx: &StepCx<ChangeNic>) -> Result<(), ErrorCode> {
    let Some(on) = &cx.on else { return Ok(()) };
    let Some(nic) = vms.kernel.db().find(VmNic::UUID, &cx.nic).await? else { return Ok(()) };
    let nics: Vec<ServedNic> = store::served(&nic, None).into_iter().collect();
    vms.kernel.bus().call(UnserveNics { vm: cx.vm, host: on.host, nics, task: cx.task("services") }).await
}

/// Plugs the NIC into a running VM, after making sure that its network is on the host.
pub(super) async fn plug(vms: &Vms, cx: &StepCx<ChangeNic>) -> Result<(), ErrorCode> {
    let Some(OnHost { host, hypervisor }) = &cx.on else { return Ok(()) };
    let (host, hypervisor) = (*host, vms.hypervisor(hypervisor)?);
    let nic = store::nic(vms.kernel.db(), cx.nic).await?;
    // Where it is now: one that goes to another network is plugged in there, or here again.
    let l3 = nic.l3_network_uuid.unwrap_or(cx.l3);
    let ask = PrepareNetworks { host, l3s: vec![l3], task: cx.task("networks") };
    let networks = vms.kernel.bus().call(ask).await?;
    let network = networks.iter().find(|network| network.l3 == l3);
    let unready = || ErrorCode::internal(format!("L3 network {l3} was not made ready on host {host}"));
    hypervisor.attach_nic(host, cx.task("plug"), cx.vm, &spec::nic_of(&nic, network.ok_or_else(unready)?)).await
}

/// Takes the NIC out of a running VM. One that is not recorded was never plugged in.
pub(super) async fn unplug(vms: &Vms, cx: &StepCx<ChangeNic>) -> Result<(), ErrorCode> {
    let Some(OnHost { host, hypervisor }) = &cx.on else { return Ok(()) };
    let Some(nic) = vms.kernel.db().find(VmNic::UUID, &cx.nic).await? else { return Ok(()) };
    vms.hypervisor(hypervisor)?.detach_nic(*host, cx.task("unplug"), cx.vm, &nic.mac).await
}
