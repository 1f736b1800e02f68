//! What goes wrong on a host, one variant per thing a manager might do differently.

use std::{io, path::PathBuf};

use cumulo_agent_rt::{AgentError, storage::StorageError};

use crate::{domains::DomainState, images::Purpose};

/// A command could not be carried out on this host.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// A value in a request cannot be used.
    #[error("{value:?} cannot be used: {why}")]
    BadValue {
        /// What was sent.
        value: String,
        /// Why not.
        why: &'static str,
    },
    /// A request lacks something.
    #[error("the request lacks {0}")]
    Lacks(&'static str),
    /// The command is for another host.
    #[error("this is host {own}, not {asked}; check the address and the certificate the manager has for it")]
    WrongHost {
        /// This host.
        own: String,
        /// Who was meant.
        asked: String,
    },
    /// An image file could not be handled.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// An image did not come or go, or is not what it should be.
    #[error("could not {} the image {image}: {why}", purpose.text())]
    Transfer {
        /// What was to be done.
        purpose: Purpose,
        /// Which.
        image: String,
        /// What happened and what to do.
        why: String,
        /// Below it.
        #[source]
        cause: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// libvirt is not there.
    #[error("libvirt does not answer at {uri}; is libvirtd running on this host?")]
    NoLibvirt {
        /// Where.
        uri: String,
        /// What it says.
        #[source]
        cause: virt::error::Error,
    },
    /// libvirt refuses.
    #[error("libvirt could not {what} VM {vm}")]
    Libvirt {
        /// What was tried.
        what: &'static str,
        /// On which VM.
        vm: String,
        /// What it says.
        #[source]
        cause: virt::error::Error,
    },
    /// A VM that should be on this host.
    #[error("VM {vm} is not on this host")]
    NoVm {
        /// Which.
        vm: String,
    },
    /// A VM in a state in which that cannot be done.
    #[error("VM {vm} is {state}, so it cannot {what}")]
    VmState {
        /// Which.
        vm: String,
        /// Its state.
        state: DomainState,
        /// What was asked.
        what: &'static str,
    },
    /// A guest does not let go of a NIC.
    #[error(
        "the guest of VM {vm} does not let go of its NIC {mac}; try again once it has booted, or when the VM is stopped"
    )]
    NicHeld {
        /// Which VM.
        vm: String,
        /// Which NIC.
        mac: String,
    },
    /// A VM without such a NIC.
    #[error("VM {vm} has no NIC {mac} on this host; it gets the NICs that it should have when it is started anew")]
    NoNic {
        /// Which VM.
        vm: String,
        /// Which NIC.
        mac: String,
    },
    /// A VM without such a drive.
    #[error(
        "VM {vm} has no CD-ROM drive at place {place}; it gets the drives that it should have when it is started anew"
    )]
    NoDrive {
        /// Which VM.
        vm: String,
        /// Where the drive should be.
        place: u32,
    },
    /// A VM that is to be booted by firmware which this host does not have.
    #[error(
        "this host has no UEFI firmware for VM {vm}; install it there (package ovmf on Debian and Ubuntu, edk2-ovmf on Red \
         Hat and its kin), or give the VM the boot mode Legacy"
    )]
    NoUefi {
        /// Which.
        vm: String,
    },
    /// No such network device.
    #[error("this host has no network interface {name}; it has {present}")]
    NoInterface {
        /// Which.
        name: String,
        /// What there is.
        present: String,
    },
    /// The NIC belongs to something else.
    #[error("{name} is a port of {other} already; free it there, or use another interface for {bridge}")]
    InterfaceTaken {
        /// The NIC.
        name: String,
        /// Whose port it is.
        other: String,
        /// Whose port it should be.
        bridge: String,
    },
    /// A device of that name is something else.
    #[error("{name} exists on this host and is not VLAN {id} of {nic}; rename or remove it")]
    NotTheVlan {
        /// Its name.
        name: String,
        /// The NIC.
        nic: String,
        /// The VLAN.
        id: u16,
    },
    /// The VLAN is there under another name.
    #[error("VLAN {id} of {nic} exists on this host as {other}; remove that, or use another VLAN")]
    VlanTaken {
        /// The NIC.
        nic: String,
        /// The VLAN.
        id: u16,
        /// Its device.
        other: String,
    },
    /// A device of that name is no bridge.
    #[error("{name} exists on this host and is no bridge; rename it or choose another bridge name")]
    NotABridge {
        /// Its name.
        name: String,
    },
    /// VMs are still connected.
    #[error("the bridge {bridge} is still used by {ports}; stop the VMs and remove the DHCP of its networks first")]
    BridgeInUse {
        /// Which.
        bridge: String,
        /// Its ports.
        ports: String,
    },
    /// The kernel refuses a change of the network.
    #[error("could not {what}")]
    Netlink {
        /// What was tried.
        what: String,
        /// What it says.
        #[source]
        cause: rtnetlink::Error,
    },
    /// The firewall could not be set.
    #[error("could not set the DHCP isolation of network {l3}: {said}")]
    Isolation {
        /// Which network.
        l3: String,
        /// What nft says.
        said: String,
    },
    /// dnsmasq does not run.
    #[error("the DHCP server of network {l3} does not start: {said}")]
    Dnsmasq {
        /// Which network.
        l3: String,
        /// What it says.
        said: String,
    },
    /// The network has no DHCP here.
    #[error("network {l3} has no DHCP on this host; set that up first")]
    NoDhcp {
        /// Which network.
        l3: String,
    },
    /// Something newer is in place.
    #[error("network {l3} has generation {current} on this host, newer than {asked}")]
    OldGeneration {
        /// Which network.
        l3: String,
        /// In place.
        current: u64,
        /// Sent.
        asked: u64,
    },
    /// The operating system says no.
    #[error("could not {what}")]
    Io {
        /// What was tried.
        what: String,
        /// What it says.
        #[source]
        cause: io::Error,
    },
    /// A program that should be installed is not, or fails.
    #[error("{program} failed: {said}; is its package installed?")]
    Program {
        /// Which.
        program: &'static str,
        /// What it says.
        said: String,
    },
    /// The distribution's own tool does not update the host.
    #[error("{program} could not {what}: {said}; mend that on the host, then try again")]
    Packages {
        /// Its name.
        program: &'static str,
        /// What was asked.
        what: &'static str,
        /// What it says.
        said: String,
    },
    /// A distribution whose tool is none that the agent knows.
    #[error("this host has none of apt-get, dnf and yum, so its packages are updated by hand")]
    NoPackageTool,
    /// A release was named where there is no such choice.
    #[error("{program} takes no release; leave releaseVersion out, and name the release in its sources")]
    NoReleases {
        /// The tool.
        program: &'static str,
    },
    /// KVM is demanded and does not work.
    #[error("this host cannot run VMs with KVM: {why}; enable virtualization in its firmware or allow emulation")]
    NoKvm {
        /// What the proof said.
        why: String,
    },
    /// A file with the agent's state is damaged.
    #[error("the state file {path} cannot be read; remove it and let the manager reconnect the host")]
    State {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        #[source]
        cause: serde_json::Error,
    },
}

impl HostError {
    /// An I/O error with what was tried.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |cause| Self::Io { what, cause }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadValue { .. } | Self::Lacks(_) => "host.bad-request",
            Self::WrongHost { .. } => "host.wrong-host",
            Self::Storage(_) => "storage",
            Self::Transfer { purpose: Purpose::Fetch, .. } => "image.fetch",
            Self::Transfer { purpose: Purpose::Upload, .. } => "image.upload",
            Self::NoLibvirt { .. } => "host.no-libvirt",
            Self::Libvirt { .. } => "vm.libvirt",
            Self::NoVm { .. } => "vm.absent",
            Self::VmState { .. } => "vm.state",
            Self::NicHeld { .. } => "vm.nic-held",
            Self::NoNic { .. } => "vm.no-nic",
            Self::NoDrive { .. } => "vm.no-drive",
            Self::NoUefi { .. } => "vm.no-uefi",
            Self::NoInterface { .. } => "network.no-interface",
            Self::InterfaceTaken { .. } => "network.interface-taken",
            Self::NotTheVlan { .. } | Self::VlanTaken { .. } => "network.vlan-taken",
            Self::NotABridge { .. } => "network.not-a-bridge",
            Self::BridgeInUse { .. } => "network.bridge-in-use",
            Self::Netlink { .. } => "network.netlink",
            Self::Isolation { .. } => "network.isolation",
            Self::Dnsmasq { .. } => "dhcp.dnsmasq",
            Self::NoDhcp { .. } => "dhcp.absent",
            Self::OldGeneration { .. } => "dhcp.old-generation",
            Self::Io { .. } => "host.io",
            Self::Program { .. } => "host.program",
            Self::Packages { .. } => "os.packages",
            Self::NoPackageTool => "os.no-tool",
            Self::NoReleases { .. } => "os.no-releases",
            Self::NoKvm { .. } => "host.no-kvm",
            Self::State { .. } => "host.state",
        }
    }
}

impl From<HostError> for AgentError {
    fn from(error: HostError) -> Self {
        let agent = AgentError::new(error.code(), error.to_string());
        match error {
            HostError::Storage(storage) => storage.into(),
            HostError::Transfer { cause: Some(cause), .. } => agent.because(cause),
            HostError::NoLibvirt { cause, .. } | HostError::Libvirt { cause, .. } => agent.because(cause),
            HostError::Netlink { cause, .. } => agent.because(cause),
            HostError::Io { cause, .. } => agent.because(cause),
            HostError::State { cause, .. } => agent.because(cause),
            _ => agent,
        }
    }
}
