//! Where we differ from the reference on purpose, and why.

/// A difference that stays.
pub(crate) struct Deviation {
    /// The test that finds it.
    pub(crate) area: &'static str,
    /// Where, as the difference says it.
    pub(crate) at: &'static str,
}

/// One group a reason.
pub(crate) const LIST: &[Deviation] = &[
    // The same names, written without look-around, which the `regex` crate leaves out to stay linear in time.
    api("CreateZone/name/regex"),
    api("UpdateZone/name/regex"),
    // Required and yet with a default that is a value like any other: whoever leaves it out gets the default there.
    api("AddSimulatorHost/memoryCapacity/required"),
    api("AddSimulatorHost/cpuCapacity/required"),
    // The zero of a Java number, which the range of the same parameter refuses: it has to be given, and we say so.
    api("CreateInstanceOffering/cpuNum/default"),
    api("CreateInstanceOffering/memorySize/default"),
    api("CreateDiskOffering/diskSize/default"),
    api("UpdateQuota/value/default"),
    // Every query takes one id in its path: clients read a primary storage that way, and for the others it is harmless.
    api("QueryPrimaryStorage/paths"),
    api("QueryLocalStorageResourceRef/paths"),
    api("QueryImageCache/paths"),
    api("QueryNetworkServiceProvider/paths"),
    api("QueryNetworkServiceL3NetworkRef/paths"),
    api("QueryAccountResourceRef/paths"),
    api("QuerySharedResource/paths"),
    api("QueryQuota/paths"),
    api("QueryGlobalConfig/paths"),
    // Answers the SQL instead of rows; clients that do not know it do not send it.
    api("ZQLQuery/explain"),
    // Tag patterns: the reference's sources have the inventory without the calls, which clients make all the same.
    api("CreateTag"),
    api("UpdateTag"),
    api("AttachTagToResources"),
    api("DetachTagFromResources"),
    api("QueryTag"),
    Deviation { area: "queries", at: "QueryTag" },
    // Every query takes one id in its path, as above.
    api("QueryResourceConfig/paths"),
    // Open there to every account that knows the id of what belongs to another.
    api("ExpungeVmInstance/uuid/check account"),
    api("ExpungeVmInstance/uuid/operation target"),
    api("GetVmConsoleAddress/uuid/check account"),
    api("GetVmConsoleAddress/uuid/operation target"),
    api("GetCandidateIsoForAttachingVm/vmInstanceUuid/check account"),
    api("GetCandidateIsoForAttachingVm/vmInstanceUuid/operation target"),
    api("GetCandidateVmForAttachingIso/isoUuid/check account"),
    api("GetVmBootOrder/uuid/check account"),
    api("GetVmBootOrder/uuid/operation target"),
    api("GetVmConsolePassword/uuid/check account"),
    api("GetVmConsolePassword/uuid/operation target"),
    api("GetVmSshKey/uuid/check account"),
    api("GetVmSshKey/uuid/operation target"),
    api("UpdateVmInstance/defaultL3NetworkUuid/check account"),
    api("SetVmStaticIp/l3NetworkUuid/check account"),
    api("DeleteVmNic/uuid/operation target"),
    api("CreateL3Network/l2NetworkUuid/check account"),
    api("DeleteL2Network/uuid/check account"),
    api("DeleteL2Network/uuid/operation target"),
    api("DeleteL3Network/uuid/check account"),
    api("DeleteL3Network/uuid/operation target"),
    api("GetInterdependentL3NetworksImages/l3NetworkUuids/check account"),
    api("GetInterdependentL3NetworksImages/imageUuid/check account"),
    api("GetInterdependentL3NetworksBackupStorages/l3NetworkUuids/check account"),
    api("GetCandidateBackupStorageForCreatingImage/volumeUuid/check account"),
    // Checked there by the service, which answers for an id that it does not know.
    api("DeleteVmSshKey/uuid/required"),
    api("DeleteVmSshKey/uuid/resource"),
    api("DeleteVmSshKey/uuid/check account"),
    api("DeleteVmSshKey/uuid/operation target"),
    // The reference looks among deleted hosts, too, and then fails.
    api("UpdateHostIpmi/uuid/resource"),
    // Of the closed part, and therefore not in the reference; as the SDKs that the reference comes with have them.
    api("CreateAccessKey"),
    api("DeleteAccessKey"),
    api("ChangeAccessKeyState"),
    api("QueryAccessKey"),
    Deviation { area: "queries", at: "QueryAccessKey" },
    resource("AccessKeyInventory"),
    api("GetMetricData"),
    // The reference forgets what it was doing when it dies; ours goes on, and asks where it does not know how.
    api("QueryFlow"),
    api("RetryFlow"),
    api("SkipFlowStep"),
    api("AbandonFlow"),
    api("GetResourceTimeline"),
    Deviation { area: "queries", at: "QueryFlow" },
    resource("FlowInventory"),
    // Every row has an id, so that sharing twice is one row.
    resource("SharedResourceInventory/uuid"),
    Deviation { area: "queries", at: "QuerySharedResource/uuid" },
    // The parameters of any call, secrets included.
    api("SubmitLongJob/jobData/sensitive"),
    // A column to us, so a condition too.
    Deviation { area: "queries", at: "QueryIpRange/ipRangeType" },
    Deviation { area: "queries", at: "QueryLongJob/state" },
    // Nothing watches the hardware yet; unknown is null, and null members are left out.
    resource("HostInventory/cpuStatus"),
    resource("HostInventory/diskStatus"),
    resource("HostInventory/fanStatus"),
    resource("HostInventory/gpuStatus"),
    resource("HostInventory/memoryStatus"),
    resource("HostInventory/nicStatus"),
    resource("HostInventory/powerSupplyStatus"),
    resource("HostInventory/raidStatus"),
    resource("HostInventory/temperatureStatus"),
    resource("KVMHostInventory/cpuStatus"),
    resource("KVMHostInventory/diskStatus"),
    resource("KVMHostInventory/fanStatus"),
    resource("KVMHostInventory/gpuStatus"),
    resource("KVMHostInventory/memoryStatus"),
    resource("KVMHostInventory/nicStatus"),
    resource("KVMHostInventory/powerSupplyStatus"),
    resource("KVMHostInventory/raidStatus"),
    resource("KVMHostInventory/temperatureStatus"),
    resource("SimulatorHostInventory/cpuStatus"),
    resource("SimulatorHostInventory/diskStatus"),
    resource("SimulatorHostInventory/fanStatus"),
    resource("SimulatorHostInventory/gpuStatus"),
    resource("SimulatorHostInventory/memoryStatus"),
    resource("SimulatorHostInventory/nicStatus"),
    resource("SimulatorHostInventory/powerSupplyStatus"),
    resource("SimulatorHostInventory/raidStatus"),
    resource("SimulatorHostInventory/temperatureStatus"),
    // No call names its kind by a relation, so the reference does not say whose kind it is.
    resource("SimulatorHostInventory/parent"),
    // The pattern itself inside each tag made from it; who wants it joins: `fields=tagPattern`, or asks for it by its id.
    resource("UserTagInventory/tagPattern"),
    // The bytes of `ip` once more; no client reads them.
    resource("UsedIpInventory/ipInBinary"),
    // Rows of a relation: the reference joins through them without ever showing one.
    resource("PrimaryStorageClusterRefInventory"),
    resource("LocalStorageHostRefInventory"),
    resource("BackupStorageZoneRefInventory"),
    resource("L2NetworkClusterRefInventory"),
    resource("L3NetworkDnsInventory"),
    resource("NetworkServiceTypeInventory"),
    resource("NetworkServiceProviderL2NetworkRefInventory"),
    resource("SshKeyPairRefInventory"),
];

const fn api(at: &'static str) -> Deviation {
    Deviation { area: "apis", at }
}

const fn resource(at: &'static str) -> Deviation {
    Deviation { area: "resources", at }
}
