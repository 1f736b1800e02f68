//! States, as words on the wire.

use cumulo_schema::wire_enum;

wire_enum! {
    /// Whether something takes part in what is new: most resources know no more.
    pub enum ResourceState { Enabled, Disabled }
}

wire_enum! {
    /// Whether a host takes new virtual machines.
    pub enum HostState { Enabled, Disabled, PreMaintenance, Maintenance }
}

wire_enum! {
    /// Whether a host's agent answers.
    pub enum HostStatus { Connecting, Connected, Disconnected }
}

wire_enum! {
    /// Whether a storage answers.
    pub enum StorageStatus { Connecting, Connected, Disconnected }
}

wire_enum! {
    /// Whether a primary storage takes new volumes.
    pub enum PrimaryStorageState { Enabled, Disabled, Maintenance, Deleting }
}

wire_enum! {
    /// Where an image stands.
    pub enum ImageStatus { Creating, Downloading, Ready, Deleted }
}

wire_enum! {
    /// What is in an image.
    pub enum ImageMediaType { RootVolumeTemplate, DataVolumeTemplate, Iso = "ISO" }
}

wire_enum! {
    /// What a volume is for.
    pub enum VolumeType { Root, Data, Memory, Cache }
}

wire_enum! {
    /// Where a volume stands.
    pub enum VolumeStatus { NotInstantiated, Creating, Ready, Deleted }
}

wire_enum! {
    /// Whether a NIC passes traffic.
    pub enum NicState { Enable = "enable", Disable = "disable" }
}

wire_enum! {
    /// What boots a virtual machine: a BIOS, or UEFI firmware, which its host must have.
    pub enum BootMode { Legacy, Uefi = "UEFI" }
}

impl BootMode {
    /// The boot mode called `name`.
    ///
    /// # Errors
    /// Says which there are.
    pub fn named(name: &str) -> Result<Self, String> {
        name.parse()
            .map_err(|_| format!("'{name}' is no boot mode of this system; it has {}", Self::NAMES.join(" and ")))
    }
}

wire_enum! {
    /// Where a virtual machine stands. Those ending in `ing` are on the way; a flow owns each of them.
    pub enum VmState {
        Created,
        Starting,
        Running,
        Stopping,
        Stopped,
        Rebooting,
        Destroying,
        Destroyed,
        Migrating,
        Expunging,
        Pausing,
        Paused,
        Resuming,
        Unknown,
        Crashed,
    }
}
