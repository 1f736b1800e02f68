//! Running VMs.

use std::net::{IpAddr, Ipv4Addr};

use async_trait::async_trait;
use cumulo_contracts::{
    ext::hypervisor::{BootDevice, CdRomSpec, ConsoleAddress, Hypervisor, NicSpec, StopKind, VmSpec},
    resource::{BootMode, Host, VmState},
};
use cumulo_proto::kvm;
use cumulo_schema::{ErrorCode, Uuid};

use crate::{Kvm, reports};

#[async_trait]
impl Hypervisor for Kvm {
    async fn start(&self, host: Uuid, task: Uuid, vm: &VmSpec) -> Result<(), ErrorCode> {
        let console = self.console_of(host, vm).await?;
        let start = kvm::StartVm { header: None, vm: Some(spec(vm, console)) };
        self.gateway.call(host, task, start).await.map(drop)
    }

    async fn stop(&self, host: Uuid, task: Uuid, vm: Uuid, how: StopKind) -> Result<(), ErrorCode> {
        let (mode, timeout_s) = mode(how);
        let stop = kvm::StopVm { header: None, vm_uuid: vm.to_string(), mode: mode.into(), timeout_s };
        self.gateway.call(host, task, stop).await.map(drop)
    }

    async fn reboot(&self, host: Uuid, task: Uuid, vm: &VmSpec, how: StopKind) -> Result<(), ErrorCode> {
        let (mode, timeout_s) = mode(how);
        let console = self.console_of(host, vm).await?;
        let reboot = kvm::RebootVm { header: None, vm: Some(spec(vm, console)), mode: mode.into(), timeout_s };
        self.gateway.call(host, task, reboot).await.map(drop)
    }

    async fn pause(&self, host: Uuid, task: Uuid, vm: Uuid) -> Result<(), ErrorCode> {
        let pause = kvm::PauseVm { header: None, vm_uuid: vm.to_string() };
        self.gateway.call(host, task, pause).await.map(drop)
    }

    async fn resume(&self, host: Uuid, task: Uuid, vm: Uuid) -> Result<(), ErrorCode> {
        let resume = kvm::ResumeVm { header: None, vm_uuid: vm.to_string() };
        self.gateway.call(host, task, resume).await.map(drop)
    }

    async fn destroy(&self, host: Uuid, task: Uuid, vm: Uuid) -> Result<(), ErrorCode> {
        let destroy = kvm::DestroyVm { header: None, vm_uuid: vm.to_string() };
        self.gateway.call(host, task, destroy).await.map(drop)
    }

    async fn state(&self, host: Uuid, vm: Uuid) -> Result<VmState, ErrorCode> {
        // States change, so each look is a task of its own.
        let look = kvm::GetVmState { header: None, vm_uuid: vm.to_string() };
        let reply = self.gateway.call(host, Uuid::random(), look).await?;
        let none = || ErrorCode::operation(format!("the agent of host {host} does not know what VM {vm} is"));
        reports::state(reply.state()).ok_or_else(none)
    }

    async fn attach_nic(&self, host: Uuid, task: Uuid, vm: Uuid, nic: &NicSpec) -> Result<(), ErrorCode> {
        let attach = kvm::AttachNic { header: None, vm_uuid: vm.to_string(), nic: Some(nic_of(nic)) };
        self.gateway.call(host, task, attach).await.map(drop)
    }

    async fn detach_nic(&self, host: Uuid, task: Uuid, vm: Uuid, mac: &str) -> Result<(), ErrorCode> {
        let detach = kvm::DetachNic { header: None, vm_uuid: vm.to_string(), mac: mac.to_owned(), timeout_s: 0 };
        self.gateway.call(host, task, detach).await.map(drop)
    }

    async fn set_link(&self, host: Uuid, task: Uuid, vm: Uuid, mac: &str, up: bool) -> Result<(), ErrorCode> {
        let set = kvm::SetNicLink { header: None, vm_uuid: vm.to_string(), mac: mac.to_owned(), down: !up };
        self.gateway.call(host, task, set).await.map(drop)
    }

    async fn load_cd_rom(&self, host: Uuid, task: Uuid, vm: Uuid, drive: &CdRomSpec) -> Result<(), ErrorCode> {
        let load = kvm::LoadCdrom { header: None, vm_uuid: vm.to_string(), cdrom: Some(cd_rom_of(drive)) };
        self.gateway.call(host, task, load).await.map(drop)
    }

    async fn console(&self, host: Uuid, task: Uuid, vm: Uuid) -> Result<ConsoleAddress, ErrorCode> {
        let ask = kvm::GetVncPort { header: None, vm_uuid: vm.to_string() };
        let reply = self.gateway.call(host, task, ask).await?;
        let row = self.host(host).await?;
        let port = i32::try_from(reply.port).unwrap_or_default();
        Ok(ConsoleAddress { ip: row.management_ip, port, protocol: "vnc".to_owned() })
    }
}

impl Kvm {
    async fn host(&self, host: Uuid) -> Result<Host, ErrorCode> {
        let row = self.kernel.db().find(Host::UUID, &host).await?;
        row.ok_or_else(|| ErrorCode::not_found("Host", host))
    }

    /// The console of a VM. It listens at the host's management address only, since most ask for no password and VNC is
    /// not encrypted. A host that is known by a name keeps them to itself.
    async fn console_of(&self, host: Uuid, vm: &VmSpec) -> Result<kvm::Console, ErrorCode> {
        let address = self.host(host).await?.management_ip;
        let listen = if address.parse::<IpAddr>().is_ok() { address } else { Ipv4Addr::LOCALHOST.to_string() };
        let password = vm.sealed_console_password.as_deref().map(|sealed| self.kernel.vault().unseal(sealed));
        Ok(kvm::Console { listen, password: password.transpose()?.unwrap_or_default() })
    }
}

fn mode(how: StopKind) -> (kvm::StopMode, u32) {
    match how {
        StopKind::Graceful { timeout_s } => (kvm::StopMode::Graceful, timeout_s),
        StopKind::Hard => (kvm::StopMode::Hard, 0),
    }
}

fn number(id: i32) -> u32 {
    u32::try_from(id).unwrap_or_default()
}

fn nic_of(nic: &NicSpec) -> kvm::Nic {
    kvm::Nic {
        uuid: nic.nic.to_string(),
        mac: nic.mac.clone(),
        bridge: nic.bridge.clone(),
        device_name: nic.internal_name.clone(),
        model: nic.model.clone(),
        device_id: number(nic.device_id),
        mtu: 0,
        link_down: !nic.link_up,
    }
}

fn cd_rom_of(drive: &CdRomSpec) -> kvm::Cdrom {
    kvm::Cdrom { path: drive.path.clone().unwrap_or_default(), device_id: number(drive.device_id) }
}

fn boot_device(device: BootDevice) -> kvm::BootDevice {
    match device {
        BootDevice::HardDisk => kvm::BootDevice::HardDisk,
        BootDevice::CdRom => kvm::BootDevice::Cdrom,
        BootDevice::Network => kvm::BootDevice::Network,
    }
}

fn firmware(mode: BootMode) -> kvm::Firmware {
    match mode {
        BootMode::Legacy => kvm::Firmware::Bios,
        BootMode::Uefi => kvm::Firmware::Uefi,
    }
}

/// Disks are virtio, since that is what every guest of ours has; the device id is the place on the bus.
fn spec(vm: &VmSpec, console: kvm::Console) -> kvm::VmSpec {
    let disks = vm.volumes.iter().map(|volume| kvm::Disk {
        volume_uuid: volume.volume.to_string(),
        path: volume.path.clone(),
        format: volume.format.clone(),
        bus: kvm::DiskBus::Virtio.into(),
        device_id: number(volume.device_id),
        ..kvm::Disk::default()
    });
    kvm::VmSpec {
        uuid: vm.vm.to_string(),
        name: vm.name.clone(),
        cpu_num: number(vm.cpu_num),
        memory: u64::try_from(vm.memory).unwrap_or_default(),
        disks: disks.collect(),
        nics: vm.nics.iter().map(nic_of).collect(),
        cdroms: vm.cd_roms.iter().map(cd_rom_of).collect(),
        boot_order: vm.boot_order.iter().copied().map(boot_device).map(Into::into).collect(),
        firmware: firmware(vm.boot_mode).into(),
        console: Some(console),
        platform: vm.platform.clone(),
        ..kvm::VmSpec::default()
    }
}
