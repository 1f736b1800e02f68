//! The agent's own section of its configuration, `[kvm]`.

use std::path::PathBuf;

use serde::Deserialize;

/// ```toml
/// [kvm]
/// virtualization = "auto"                      # auto: prove that KVM works; kvm: demand it; qemu: emulate
/// libvirt_uri = "qemu:///system"
/// state_dir = "/var/lib/cumulo/kvm-agent"
/// run_dir = "/run/cumulo/kvm-agent"            # files of dnsmasq, which are made anew after a reboot
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KvmConfig {
    /// How VMs run.
    pub virtualization: Mode,
    /// Where libvirt is.
    pub libvirt_uri: String,
    /// Where the agent keeps what it must know after a restart.
    pub state_dir: PathBuf,
    /// Where files of the programs it starts are; readable by their users.
    pub run_dir: PathBuf,
}

/// How VMs run on this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// With KVM where that is proven to work, emulated otherwise.
    Auto,
    /// With KVM; where it does not work the host does not connect.
    Kvm,
    /// Emulated.
    Qemu,
}

impl Default for KvmConfig {
    fn default() -> Self {
        Self {
            virtualization: Mode::Auto,
            libvirt_uri: "qemu:///system".to_owned(),
            state_dir: PathBuf::from("/var/lib/cumulo/kvm-agent"),
            run_dir: PathBuf::from("/run/cumulo/kvm-agent"),
        }
    }
}
