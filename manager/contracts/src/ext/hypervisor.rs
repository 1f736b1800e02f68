//! Running VMs. The driver's name is the hypervisor type: `KVM`.

use async_trait::async_trait;
use cumulo_schema::{ErrorCode, Uuid, wire_enum};
use serde::{Deserialize, Serialize};

use crate::{
    message::volume::VolumeOnHost,
    resource::{BootMode, VmState},
};

/// What a host is, as its agent found it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostFacts {
    /// Logical processors.
    pub cpu_num: i64,
    /// Their speed, in MHz.
    pub cpu_mhz: i64,
    /// Processor sockets.
    pub cpu_sockets: i32,
    /// Their model.
    pub cpu_model: String,
    /// `x86_64`, `aarch64`.
    pub architecture: String,
    /// Memory built in, in bytes.
    pub total_memory: i64,
    /// Memory in use by others than VMs, in bytes.
    pub used_memory: i64,
    /// Operating system: distribution, release, version.
    pub os: (String, String, String),
    /// System tags to put on the host: `libvirt::version::9.0.0`.
    pub tags: Vec<String>,
}

/// A NIC to be plugged in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NicSpec {
    /// The NIC.
    pub nic: Uuid,
    /// Hardware address.
    pub mac: String,
    /// The bridge.
    pub bridge: String,
    /// Name of the interface on the host.
    pub internal_name: String,
    /// Model that the guest sees: `virtio`.
    pub model: String,
    /// Its place in the VM.
    pub device_id: i32,
    /// Whether its cable is in: the guest sees a card that is switched off without a link.
    pub link_up: bool,
}

/// A CD drive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CdRomSpec {
    /// Its place in the VM.
    pub device_id: i32,
    /// Path on the host of the ISO image in it; empty where absent.
    pub path: Option<String>,
}

wire_enum! {
    /// What a VM can boot from.
    pub enum BootDevice {
        /// Its root volume.
        HardDisk,
        /// A CD drive.
        CdRom,
        /// A NIC.
        Network,
    }
}

/// A VM to be run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmSpec {
    /// The VM.
    pub vm: Uuid,
    /// Its name.
    pub name: String,
    /// Processors.
    pub cpu_num: i32,
    /// Memory, in bytes.
    pub memory: i64,
    /// `Linux`, `Windows` and so on.
    pub platform: String,
    /// Its volumes; the root first.
    pub volumes: Vec<VolumeOnHost>,
    /// Its NICs, by device id.
    pub nics: Vec<NicSpec>,
    /// Its CD drives, by device id.
    pub cd_roms: Vec<CdRomSpec>,
    /// What it boots from, first choice first.
    pub boot_order: Vec<BootDevice>,
    /// What boots it.
    pub boot_mode: BootMode,
    /// What its console asks for, sealed by the vault; nothing where absent.
    pub sealed_console_password: Option<String>,
}

/// How to stop a VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopKind {
    /// Asks the guest, and pulls the plug after so many seconds.
    Graceful {
        /// Seconds.
        timeout_s: u32,
    },
    /// Pulls the plug.
    Hard,
}

/// Where a console listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleAddress {
    /// The host's address.
    pub ip: String,
    /// The port.
    pub port: i32,
    /// `vnc`.
    pub protocol: String,
}

/// Brings hosts under management. Called by the host service.
#[async_trait]
pub trait HostConnector: Send + Sync {
    /// Installs or updates the agent, where `deploy`, and connects to it. Converges: may be called at any time again.
    async fn connect(&self, host: Uuid, deploy: bool) -> Result<HostFacts, ErrorCode>;
    /// Whether the host answers.
    async fn ping(&self, host: Uuid) -> Result<(), ErrorCode>;
    /// Forgets the host: connections, certificates. The agent on it is left to itself.
    async fn disconnect(&self, host: Uuid) -> Result<(), ErrorCode>;
}

/// What of a host's operating system is to be brought up to date.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OsUpdate {
    /// Only these packages; all that are installed where empty.
    pub packages: Vec<String>,
    /// Never these; `*` stands for any letters.
    pub excluded: Vec<String>,
    /// The release of the distribution to take packages of; the present one where absent.
    pub release: Option<String>,
}

/// Brings the operating systems of hosts up to date. Called by the host service while the host takes no VMs; the driver's
/// name is the hypervisor type. Hosts of a type without one are updated by hand.
#[async_trait]
pub trait OsUpdater: Send + Sync {
    /// Updates the packages. Done again it does what is left. Those that run go on with what they were started with.
    async fn update_os(&self, host: Uuid, task: Uuid, update: &OsUpdate) -> Result<(), ErrorCode>;
    /// Makes sure that the update `task` is not under way: one that began is waited for, however it ends, and one that the
    /// host never heard of does not begin any more. An `Err` as long as that is not known.
    async fn settle_update(&self, host: Uuid, task: Uuid) -> Result<(), ErrorCode>;
}

/// Runs VMs on a host. Called by the VM service; `task` is the agent task's id: the same id is done once.
#[async_trait]
pub trait Hypervisor: Send + Sync {
    /// Makes sure the VM is defined and runs.
    async fn start(&self, host: Uuid, task: Uuid, vm: &VmSpec) -> Result<(), ErrorCode>;
    /// Makes sure it does not run.
    async fn stop(&self, host: Uuid, task: Uuid, vm: Uuid, how: StopKind) -> Result<(), ErrorCode>;
    /// Stops and starts it.
    async fn reboot(&self, host: Uuid, task: Uuid, vm: &VmSpec, how: StopKind) -> Result<(), ErrorCode>;
    /// Freezes it.
    async fn pause(&self, host: Uuid, task: Uuid, vm: Uuid) -> Result<(), ErrorCode>;
    /// Unfreezes it.
    async fn resume(&self, host: Uuid, task: Uuid, vm: Uuid) -> Result<(), ErrorCode>;
    /// Makes sure it is gone from the host.
    async fn destroy(&self, host: Uuid, task: Uuid, vm: Uuid) -> Result<(), ErrorCode>;
    /// What it is on the host at this moment, whatever is under way for it; `Stopped` where it is not there.
    async fn state(&self, host: Uuid, vm: Uuid) -> Result<VmState, ErrorCode>;
    /// Makes sure a VM on the host has the NIC, now and from its next start on. Its hardware address says which it is.
    async fn attach_nic(&self, host: Uuid, task: Uuid, vm: Uuid, nic: &NicSpec) -> Result<(), ErrorCode>;
    /// Makes sure it has no NIC of that hardware address. An `Err` also when its guest does not let go of it. No such VM is
    /// fine.
    async fn detach_nic(&self, host: Uuid, task: Uuid, vm: Uuid, mac: &str) -> Result<(), ErrorCode>;
    /// Makes sure whether the NIC of that hardware address of a VM on the host has a link, now and from its next start on.
    async fn set_link(&self, host: Uuid, task: Uuid, vm: Uuid, mac: &str, up: bool) -> Result<(), ErrorCode>;
    /// Makes sure what is in a drive of a VM on the host, now and from its next start on. The guest is asked for the disc
    /// first, and loses it where it does not give it back. To empty a drive of no such VM is fine.
    async fn load_cd_rom(&self, host: Uuid, task: Uuid, vm: Uuid, drive: &CdRomSpec) -> Result<(), ErrorCode>;
    /// Where its console listens.
    async fn console(&self, host: Uuid, task: Uuid, vm: Uuid) -> Result<ConsoleAddress, ErrorCode>;
}

/// Told when a hypervisor reports what runs on a host.
#[async_trait]
pub trait OnVmsReported: Send + Sync {
    /// `vms` is everything the host had when it was looked at, which may be long ago: what is to be acted on is to be asked
    /// ([`Hypervisor::state`]). An `Err` is logged.
    async fn vms_reported(&self, host: Uuid, vms: &[(Uuid, VmState)]) -> Result<(), ErrorCode>;
}

/// A figure of a host or a VM.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// As ZStack calls it: `CPUAverageUsedUtilization`.
    pub metric: String,
    /// Which CPU, disk, network device or file system; empty where it is of all of them.
    pub device: String,
    /// Shares in percent, sizes in bytes, flows by the second.
    pub value: f64,
}

/// What a VM, or the host itself, used in the last seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Usage {
    /// The VM; the host where absent.
    pub vm: Option<Uuid>,
    /// Each metric at most once a device.
    pub measurements: Vec<Measurement>,
}

/// Told what was measured on a host, about every ten seconds.
pub trait OnUsageMeasured: Send + Sync {
    /// `usages` are of now. Must not wait: what cannot be kept is dropped.
    fn usage_measured(&self, host: Uuid, usages: &[Usage]);
}
