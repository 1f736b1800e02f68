//! A VM as it should be, checked: what is in here can be written into a domain's definition as it is.

use std::{
    collections::HashSet,
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
};

use cumulo_agent_rt::storage::{DiskFormat, Roots};
use cumulo_proto::kvm;

use super::xml;
use crate::{HostError, IfName, Mac, ObjectId, names};

/// A VM as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "sim", derive(serde::Serialize, serde::Deserialize))]
pub struct DomainSpec {
    /// Its uuid, which is also the domain's name.
    pub uuid: ObjectId,
    /// What users call it. Anything.
    pub name: String,
    /// Virtual CPUs.
    pub cpus: u32,
    /// How they are arranged; as many sockets as CPUs where it is not said.
    pub topology: Option<Topology>,
    /// Bytes.
    pub memory: u64,
    /// In the order of their places.
    pub disks: Vec<DiskSpec>,
    /// In the order of their places.
    pub cdroms: Vec<CdromSpec>,
    /// In the order of their places.
    pub nics: Vec<NicSpec>,
    /// What to boot from, first choice first.
    #[cfg_attr(feature = "sim", serde(deserialize_with = "kept::boot"))]
    pub boot: Vec<&'static str>,
    /// Whether UEFI boots it, and not a BIOS.
    pub uefi: bool,
    /// `pc`, `q35` or a versioned one of these.
    pub machine: String,
    /// Whether the clock shows local time.
    pub local_time: bool,
    /// Whether the guest is Windows, which wants another clock and Hyper-V's hints.
    pub windows: bool,
    /// The console.
    pub console: ConsoleSpec,
    /// How it runs; as the host proved where it is not said.
    pub virtualization: Option<Virtualization>,
}

/// How a VM runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "sim", derive(serde::Serialize, serde::Deserialize))]
pub enum Virtualization {
    /// On the CPU.
    Kvm,
    /// Emulated.
    Qemu,
}

/// How virtual CPUs are arranged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "sim", derive(serde::Serialize, serde::Deserialize))]
pub struct Topology {
    /// Sockets.
    pub sockets: u32,
    /// Cores of a socket.
    pub cores: u32,
    /// Threads of a core.
    pub threads: u32,
}

/// A disk.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "sim", derive(serde::Serialize, serde::Deserialize))]
pub struct DiskSpec {
    /// The volume's uuid, which the guest sees as serial number.
    pub volume: ObjectId,
    /// Inside a storage of the host.
    pub path: PathBuf,
    /// What is in the file.
    pub format: DiskFormat,
    /// How it is attached.
    pub bus: Bus,
    /// Its place on the bus.
    pub place: u32,
    /// What is cached.
    pub cache: Cache,
    /// Whether other VMs write to it too.
    pub shareable: bool,
}

/// How a disk is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "sim", derive(serde::Serialize, serde::Deserialize))]
pub enum Bus {
    /// virtio-blk.
    Virtio,
    /// virtio-scsi.
    Scsi,
    /// AHCI.
    Sata,
    /// IDE; SATA on machines without IDE.
    Ide,
}

/// What the host caches of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "sim", derive(serde::Serialize, serde::Deserialize))]
pub enum Cache {
    /// Nothing, where the file system can do without the page cache; reads and writes where it cannot.
    Auto,
    /// Nothing.
    None,
    /// Reads.
    Writethrough,
    /// Reads and writes.
    Writeback,
}

impl Cache {
    /// As libvirt spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "default",
            Self::None => "none",
            Self::Writethrough => "writethrough",
            Self::Writeback => "writeback",
        }
    }
}

/// A CD-ROM drive.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "sim", derive(serde::Serialize, serde::Deserialize))]
pub struct CdromSpec {
    /// The image in it.
    pub path: Option<PathBuf>,
    /// Its place on the bus.
    pub place: u32,
}

/// A network card.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "sim", derive(serde::Serialize, serde::Deserialize))]
pub struct NicSpec {
    /// Its uuid.
    pub uuid: ObjectId,
    /// Its address.
    pub mac: Mac,
    /// The bridge it is on.
    pub bridge: IfName,
    /// Its tap device on the host.
    pub device: IfName,
    /// What the guest sees.
    pub model: NicModel,
    /// Largest packet, where it is not the default.
    pub mtu: Option<u32>,
    /// Whether its cable is in.
    pub link: Link,
}

/// Whether a network card has a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "sim", derive(serde::Serialize, serde::Deserialize))]
pub enum Link {
    /// Its cable is in.
    Up,
    /// Its cable is out.
    Down,
}

impl Link {
    /// As the wire says it.
    pub fn of(down: bool) -> Self {
        if down { Self::Down } else { Self::Up }
    }

    /// As libvirt spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// What kind of network card a guest sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "sim", derive(serde::Serialize, serde::Deserialize))]
pub enum NicModel {
    /// Paravirtual.
    Virtio,
    /// Intel 82540.
    E1000,
    /// Intel 82574.
    E1000e,
    /// Realtek 8139.
    Rtl8139,
}

impl NicModel {
    /// As libvirt spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Virtio => "virtio",
            Self::E1000 => "e1000",
            Self::E1000e => "e1000e",
            Self::Rtl8139 => "rtl8139",
        }
    }
}

/// The console.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "sim", derive(serde::Serialize, serde::Deserialize))]
pub struct ConsoleSpec {
    /// Where the VNC server listens.
    pub listen: IpAddr,
    /// What it asks for.
    pub password: Option<String>,
}

impl std::fmt::Debug for ConsoleSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConsoleSpec").field("listen", &self.listen).finish_non_exhaustive()
    }
}

impl DomainSpec {
    /// Checks a spec from the wire; paths must be inside `roots`.
    ///
    /// # Errors
    /// Says the first value that cannot be used.
    pub fn checked(vm: &kvm::VmSpec, roots: &Roots) -> Result<Self, HostError> {
        let bad = |value: &dyn ToString, why| HostError::BadValue { value: value.to_string(), why };
        if vm.cpu_num == 0 || vm.cpu_num > 1024 {
            return Err(bad(&vm.cpu_num, "a VM has 1 to 1024 CPUs"));
        }
        if vm.memory < 1 << 20 {
            return Err(bad(&vm.memory, "a VM has at least 1 MiB of memory"));
        }
        let topology = vm.topology.map(|t| Topology { sockets: t.sockets, cores: t.cores, threads: t.threads });
        if let Some(t) = topology
            && u64::from(t.sockets) * u64::from(t.cores) * u64::from(t.threads) != u64::from(vm.cpu_num)
        {
            return Err(bad(&vm.cpu_num, "sockets, cores and threads do not make that many CPUs"));
        }
        let mut disks = vm.disks.iter().map(|d| disk(d, roots)).collect::<Result<Vec<_>, _>>()?;
        disks.sort_by_key(|d| d.place);
        let mut cdroms = vm.cdroms.iter().map(|c| CdromSpec::checked(c, roots)).collect::<Result<Vec<_>, _>>()?;
        cdroms.sort_by_key(|c| c.place);
        let machine = machine(&vm.machine)?;
        let ide = xml::has_ide(&machine);
        if let Some(drive) = cdroms.iter().find(|drive| ide && drive.place > 3) {
            return Err(bad(&drive.place, "IDE has room for four drives, from 0 to 3"));
        }
        let mut names = HashSet::new();
        let places = disks.iter().map(|d| (d.place, xml::target(d, ide).0));
        for (place, name) in places.chain(cdroms.iter().map(|c| (c.place, xml::drive_target(c.place, ide).0))) {
            if place > 255 || !names.insert(name) {
                return Err(bad(&place, "each disk and CD-ROM of a bus has its own place from 0 to 255"));
            }
        }
        let mut nics: Vec<_> = vm.nics.iter().collect();
        nics.sort_by_key(|n| n.device_id);
        Ok(Self {
            uuid: ObjectId::try_from(vm.uuid.as_str())?,
            name: vm.name.clone(),
            cpus: vm.cpu_num,
            topology,
            memory: vm.memory,
            disks,
            cdroms,
            nics: nics.into_iter().map(NicSpec::checked).collect::<Result<_, _>>()?,
            boot: boot(vm),
            uefi: vm.firmware() == kvm::Firmware::Uefi,
            machine,
            local_time: vm.clock() == kvm::Clock::Localtime,
            windows: vm.platform.eq_ignore_ascii_case("windows"),
            console: console(vm.console.as_ref())?,
            virtualization: match vm.virtualization() {
                kvm::Virtualization::Unspecified => None,
                kvm::Virtualization::Kvm => Some(Virtualization::Kvm),
                kvm::Virtualization::Qemu => Some(Virtualization::Qemu),
            },
        })
    }
}

impl CdromSpec {
    /// Checks a drive from the wire; its image must be inside `roots`.
    ///
    /// # Errors
    /// When it is not.
    pub fn checked(cdrom: &kvm::Cdrom, roots: &Roots) -> Result<Self, HostError> {
        let path = names::optional(&cdrom.path, |path| Ok(roots.confine(path)?.path().to_owned()))?;
        Ok(Self { path, place: cdrom.device_id })
    }
}

impl NicSpec {
    /// Checks a NIC from the wire.
    ///
    /// # Errors
    /// Says the first value that cannot be used.
    pub fn checked(nic: &kvm::Nic) -> Result<Self, HostError> {
        Ok(Self {
            uuid: ObjectId::try_from(nic.uuid.as_str())?,
            mac: Mac::try_from(nic.mac.as_str())?,
            bridge: IfName::try_from(nic.bridge.as_str())?,
            device: IfName::try_from(nic.device_name.as_str())?,
            model: match nic.model.as_str() {
                "" | "virtio" => NicModel::Virtio,
                "e1000" => NicModel::E1000,
                "e1000e" => NicModel::E1000e,
                "rtl8139" => NicModel::Rtl8139,
                other => {
                    return Err(HostError::BadValue {
                        value: other.to_owned(),
                        why: "NICs are virtio, e1000, e1000e or rtl8139",
                    });
                }
            },
            mtu: (nic.mtu > 0).then_some(nic.mtu),
            link: Link::of(nic.link_down),
        })
    }
}

/// Words of ours as they come back from a simulated host's notes.
#[cfg(feature = "sim")]
mod kept {
    use serde::{Deserialize, Deserializer, de::Error};

    pub(super) fn boot<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<&'static str>, D::Error> {
        let ours = |word: &String| ["hd", "cdrom", "network"].into_iter().find(|known| known == word);
        let words = Vec::<String>::deserialize(from)?;
        words
            .iter()
            .map(|word| ours(word).ok_or_else(|| D::Error::custom(format!("nothing boots from '{word}'"))))
            .collect()
    }
}

fn disk(disk: &kvm::Disk, roots: &Roots) -> Result<DiskSpec, HostError> {
    Ok(DiskSpec {
        volume: ObjectId::try_from(disk.volume_uuid.as_str())?,
        path: roots.confine(&disk.path)?.path().to_owned(),
        format: DiskFormat::named(&disk.format)
            .ok_or_else(|| HostError::BadValue { value: disk.format.clone(), why: "disks are qcow2 or raw" })?,
        bus: match disk.bus() {
            kvm::DiskBus::Unspecified | kvm::DiskBus::Virtio => Bus::Virtio,
            kvm::DiskBus::VirtioScsi => Bus::Scsi,
            kvm::DiskBus::Sata => Bus::Sata,
            kvm::DiskBus::Ide => Bus::Ide,
        },
        place: disk.device_id,
        cache: match disk.cache() {
            kvm::DiskCache::Unspecified => Cache::Auto,
            kvm::DiskCache::None => Cache::None,
            kvm::DiskCache::Writethrough => Cache::Writethrough,
            kvm::DiskCache::Writeback => Cache::Writeback,
        },
        shareable: disk.shareable,
    })
}

fn boot(vm: &kvm::VmSpec) -> Vec<&'static str> {
    let order: Vec<_> = vm
        .boot_order()
        .filter_map(|device| match device {
            kvm::BootDevice::Unspecified => None,
            kvm::BootDevice::HardDisk => Some("hd"),
            kvm::BootDevice::Cdrom => Some("cdrom"),
            kvm::BootDevice::Network => Some("network"),
        })
        .collect();
    if order.is_empty() { vec!["hd"] } else { order }
}

fn machine(name: &str) -> Result<String, HostError> {
    let name = if name.is_empty() { "pc" } else { name };
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b));
    if plain && (name.starts_with("pc") || name.starts_with("q35")) {
        Ok(name.to_owned())
    } else {
        Err(HostError::BadValue { value: name.to_owned(), why: "machines are pc, q35 or a version of these" })
    }
}

fn console(console: Option<&kvm::Console>) -> Result<ConsoleSpec, HostError> {
    let Some(console) = console else {
        return Ok(ConsoleSpec { listen: Ipv4Addr::LOCALHOST.into(), password: None });
    };
    let listen = names::optional(&console.listen, names::address)?.unwrap_or(Ipv4Addr::LOCALHOST.into());
    if console.password.chars().any(|c| !c.is_ascii_graphic()) {
        return Err(HostError::BadValue {
            value: "(hidden)".to_owned(),
            why: "a VNC password has printable ASCII characters without spaces",
        });
    }
    Ok(ConsoleSpec { listen, password: Some(console.password.clone()).filter(|p| !p.is_empty()) })
}
