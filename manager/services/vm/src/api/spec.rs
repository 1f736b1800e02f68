//! The VM as its hypervisor must know it, from what is recorded.

use cumulo_contracts::{
    ext::hypervisor::{CdRomSpec, NicSpec, VmSpec},
    message::{
        network::{NetworkOnHost, PrepareNetworks},
        volume::{FetchIso, VolumesOfVm},
    },
    resource::{BootMode, NicState, VmCdRom, VmInstance, VmNic, Volume},
};
use cumulo_schema::{ErrorCode, Uuid};

use crate::{
    Vms,
    api::system_tags,
    cdrom, settings,
    store::{self, Place},
};

pub(crate) async fn of(vms: &Vms, vm: Uuid, networks: &[NetworkOnHost]) -> Result<VmSpec, ErrorCode> {
    let kernel = &vms.kernel;
    let row = store::find(kernel.db(), vm).await?;
    let mut nics = Vec::new();
    for nic in store::nics(kernel.db(), vm).await? {
        let network = networks.iter().find(|network| Some(network.l3) == nic.l3_network_uuid);
        let unready = || ErrorCode::internal(format!("the network of NIC {} was not made ready on the host", nic.uuid));
        nics.push(nic_of(&nic, network.ok_or_else(unready)?));
    }
    let tags = system_tags(kernel.db(), vm).await?;
    Ok(VmSpec {
        vm,
        name: row.name,
        cpu_num: row.cpu_num,
        memory: row.memory_size,
        platform: row.platform,
        volumes: kernel.bus().call(VolumesOfVm { vm }).await?,
        nics,
        cd_roms: cdrom::of_vm(kernel.db(), vm).await?.iter().map(cd_rom_of).collect(),
        boot_order: settings::boot_order(&tags),
        boot_mode: settings::boot_mode(&tags).unwrap_or(BootMode::Legacy),
        sealed_console_password: settings::sealed_password(kernel.db(), vm).await?,
    })
}

fn cd_rom_of(drive: &VmCdRom) -> CdRomSpec {
    let path = cdrom::disc(drive).and_then(|disc| disc.path);
    CdRomSpec { device_id: drive.device_id, path }
}

/// Brings an ISO image to the host of `place`, to the primary storage of the VM's root volume, and answers its path there.
pub(crate) async fn fetch_iso(
    vms: &Vms,
    vm: &VmInstance,
    place: Place,
    image: Uuid,
    task: Uuid,
) -> Result<String, ErrorCode> {
    let kernel = &vms.kernel;
    let homeless = || {
        let name = format!("VM {}[uuid:{}]", vm.name, vm.uuid);
        ErrorCode::operation(format!("{name} has no root volume, and so no storage for ISO images"))
    };
    let root = vm.root_volume_uuid.ok_or_else(homeless)?;
    let root = kernel.db().find(Volume::UUID, &root).await?;
    let primary_storage = root.and_then(|root| root.primary_storage_uuid).ok_or_else(homeless)?;
    let Place { zone, host, .. } = place;
    kernel.bus().call(FetchIso { image, host, zone, primary_storage, task }).await
}

/// A recorded NIC, whose network is ready.
pub(crate) fn nic_of(nic: &VmNic, network: &NetworkOnHost) -> NicSpec {
    NicSpec {
        nic: nic.uuid,
        mac: nic.mac.clone(),
        bridge: network.bridge.clone(),
        internal_name: nic.internal_name.clone(),
        model: nic.driver_type.clone().unwrap_or_else(|| store::MODEL.to_owned()),
        device_id: nic.device_id,
        link_up: nic.state == NicState::Enable,
    }
}

/// Makes the networks of a VM ready on `host` and answers them.
pub(crate) async fn networks(vms: &Vms, vm: Uuid, host: Uuid, task: Uuid) -> Result<Vec<NetworkOnHost>, ErrorCode> {
    let nics = store::nics(vms.kernel.db(), vm).await?;
    let l3s: Vec<Uuid> = nics.iter().filter_map(|nic| nic.l3_network_uuid).collect();
    match l3s.is_empty() {
        true => Ok(vec![]),
        false => vms.kernel.bus().call(PrepareNetworks { host, l3s, task }).await,
    }
}
