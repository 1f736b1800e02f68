//! The commands, one file each, named for what they do. A new one is its messages in `kvm.proto`, its file here and its
//! line in [`commands`].

mod add_dhcp_entry;
mod attach_nic;
mod check_interface;
mod connect;
mod create_empty_volume;
mod create_root_volume;
mod delete_cached_image;
mod delete_volume;
mod destroy_vm;
mod detach_nic;
mod download_image_to_cache;
mod ensure_bridge;
mod ensure_dhcp;
mod ensure_userdata;
mod flatten_volume;
mod get_capacity;
mod get_vm_state;
mod get_vnc_port;
mod init_local_storage;
mod list_vms;
mod load_cdrom;
mod pause_vm;
mod reboot_vm;
mod remove_bridge;
mod remove_dhcp;
mod remove_dhcp_entry;
mod remove_userdata;
mod resume_vm;
mod set_nic_link;
mod start_vm;
mod stop_vm;
mod update_os;
mod upload_image;

use std::time::Duration;

use cumulo_agent_rt::{Commands, storage::ImageInfo};
use cumulo_proto::kvm;

use crate::{HostError, IfName, KvmHost, domains::DomainSpec};

/// How long a guest gets to shut down where the manager does not say.
const PATIENCE: Duration = Duration::from_secs(60);

/// All commands of the agent.
pub fn commands() -> Commands<KvmHost> {
    Commands::of_service_of::<kvm::Connect>()
        .with::<connect::Connect>()
        .with::<check_interface::CheckInterface>()
        .with::<update_os::UpdateOs>()
        .with::<init_local_storage::InitLocalStorage>()
        .with::<get_capacity::GetCapacity>()
        .with::<download_image_to_cache::DownloadImageToCache>()
        .with::<delete_cached_image::DeleteCachedImage>()
        .with::<create_root_volume::CreateRootVolume>()
        .with::<create_empty_volume::CreateEmptyVolume>()
        .with::<delete_volume::DeleteVolume>()
        .with::<flatten_volume::FlattenVolume>()
        .with::<upload_image::UploadImage>()
        .with::<ensure_bridge::EnsureBridge>()
        .with::<remove_bridge::RemoveBridge>()
        .with::<ensure_dhcp::EnsureDhcp>()
        .with::<add_dhcp_entry::AddDhcpEntry>()
        .with::<remove_dhcp_entry::RemoveDhcpEntry>()
        .with::<remove_dhcp::RemoveDhcp>()
        .with::<ensure_userdata::EnsureUserdata>()
        .with::<remove_userdata::RemoveUserdata>()
        .with::<start_vm::StartVm>()
        .with::<stop_vm::StopVm>()
        .with::<reboot_vm::RebootVm>()
        .with::<pause_vm::PauseVm>()
        .with::<resume_vm::ResumeVm>()
        .with::<destroy_vm::DestroyVm>()
        .with::<attach_nic::AttachNic>()
        .with::<detach_nic::DetachNic>()
        .with::<set_nic_link::SetNicLink>()
        .with::<load_cdrom::LoadCdrom>()
        .with::<get_vm_state::GetVmState>()
        .with::<get_vnc_port::GetVncPort>()
        .with::<list_vms::ListVms>()
}

/// Commands on one VM run in order.
fn vm_key(vm: Option<&kvm::VmSpec>) -> String {
    vm.map(|vm| vm.uuid.clone()).unwrap_or_default()
}

/// Commands on one L3 network run in order.
fn l3_key(network: Option<&kvm::DhcpNetwork>) -> String {
    network_key(network.map(|n| n.l3_uuid.as_str()).unwrap_or_default())
}

fn network_key(l3: &str) -> String {
    format!("l3/{l3}")
}

/// The device of a VLAN, and its id.
fn vlan(vlan: &kvm::Vlan) -> Result<(IfName, u16), HostError> {
    let id = u16::try_from(vlan.id).ok().filter(|id| (1..=4094).contains(id));
    let id = id.ok_or_else(|| HostError::BadValue { value: vlan.id.to_string(), why: "a VLAN is 1 to 4094" })?;
    Ok((IfName::try_from(vlan.device.as_str())?, id))
}

fn checked(host: &KvmHost, vm: Option<&kvm::VmSpec>) -> Result<DomainSpec, HostError> {
    DomainSpec::checked(vm.ok_or(HostError::Lacks("the VM"))?, &host.roots)
}

/// How long a stop waits for the guest; `None` does not wait.
fn patience(mode: kvm::StopMode, timeout_s: u32) -> Option<Duration> {
    match mode {
        kvm::StopMode::Hard => None,
        kvm::StopMode::Graceful | kvm::StopMode::Unspecified if timeout_s == 0 => Some(PATIENCE),
        kvm::StopMode::Graceful | kvm::StopMode::Unspecified => Some(Duration::from_secs(timeout_s.into())),
    }
}

fn volume(info: ImageInfo) -> kvm::VolumeFacts {
    kvm::VolumeFacts { size: info.virtual_size, actual_size: info.actual_size, format: info.format }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_command_of_the_protocol_is_there() {
        let mut wanted = cumulo_proto::commands::KVM_AGENT_COMMANDS.to_vec();
        wanted.sort_unstable();
        assert_eq!(super::commands().names().collect::<Vec<_>>(), wanted);
    }
}
