//! Settings, by ZStack's names.

use cumulo_contracts::resource::Host;
use cumulo_kernel::{
    Kernel,
    config::{ConfigDef, ConfigRule},
};
use cumulo_schema::{ErrorCode, Resource, Uuid};

use crate::capacity::{Ratios, parse_size};

const HOST: &str = "host";
/// What is kept where `kvm/reservedMemory` says nothing usable, in bytes.
const RESERVED: i64 = 1 << 30;

pub(crate) const DEFINITIONS: &[ConfigDef] = &[
    ConfigDef {
        category: HOST,
        name: "cpu.overProvisioning.ratio",
        description: "How many virtual CPUs are offered for each of a host's; hosts take it up at the next ping",
        default: "10",
        rule: ConfigRule::Integer(1, 1000),
    },
    ConfigDef {
        category: "mevoco",
        name: "overProvisioning.memory",
        description: "How much more memory VMs may be given than hosts have; counts for VMs placed from then on",
        default: "1.0",
        rule: ConfigRule::Number(1.0, 1000.0),
    },
    ConfigDef {
        category: "kvm",
        name: "reservedMemory",
        description: "Memory of each host that VMs do not get, as 1G or 512M; at most an eighth of what the host has",
        default: "1G",
        rule: ConfigRule::Text,
    },
    ConfigDef {
        category: HOST,
        name: "ping.interval",
        description: "How often hosts are asked whether they answer, in seconds",
        default: "60",
        rule: ConfigRule::Integer(1, 86_400),
    },
    ConfigDef {
        category: HOST,
        name: "ping.timeout",
        description: "How long a host may take to answer, in seconds",
        default: "10",
        rule: ConfigRule::Integer(1, 600),
    },
    ConfigDef {
        category: HOST,
        name: "ping.maxFailure",
        description: "How often in a row a host must not answer to count as disconnected",
        default: "3",
        rule: ConfigRule::Integer(1, 100),
    },
    ConfigDef {
        category: HOST,
        name: "ping.sleepPeriodAfterFailure",
        description: "The pause before a host that did not answer is asked again, in seconds",
        default: "1",
        rule: ConfigRule::Integer(0, 600),
    },
    ConfigDef {
        category: HOST,
        name: "ping.parallelismDegree",
        description: "How many hosts are asked at once",
        default: "100",
        rule: ConfigRule::Integer(1, 10_000),
    },
    ConfigDef {
        category: HOST,
        name: "load.parallelismDegree",
        description: "How many hosts are connected at once when the management node has started",
        default: "100",
        rule: ConfigRule::Integer(1, 10_000),
    },
];

/// One of the host settings that are counts or seconds.
pub(crate) fn number(kernel: &Kernel, name: &str) -> Result<u64, ErrorCode> {
    kernel.configs().get(HOST, name)
}

/// Where a host's own word, its cluster's or its zone's counts before that for the whole cloud.
pub(crate) const KINDS: &[&str] = &["HostVO", "ClusterVO", "ZoneVO"];

/// What decides over capacity where nobody says anything else.
pub(crate) fn ratios(kernel: &Kernel) -> Result<Ratios, ErrorCode> {
    let configs = kernel.configs();
    let reserved: String = configs.get("kvm", "reservedMemory")?;
    Ok(Ratios {
        cpu: configs.get(HOST, "cpu.overProvisioning.ratio")?,
        memory: configs.get("mevoco", "overProvisioning.memory")?,
        reserved_memory: reserved_memory(&reserved),
    })
}

/// What decides over the capacity of `host`.
pub(crate) async fn ratios_of(kernel: &Kernel, host: Uuid) -> Result<Ratios, ErrorCode> {
    let configs = kernel.resource_configs();
    let reserved: String = configs.get("kvm", "reservedMemory", Host::META, host).await?;
    let cpu = configs.get(HOST, "cpu.overProvisioning.ratio", Host::META, host).await?;
    Ok(Ratios { cpu, reserved_memory: reserved_memory(&reserved), ..ratios(kernel)? })
}

fn reserved_memory(text: &str) -> i64 {
    parse_size(text).unwrap_or_else(|| {
        tracing::warn!(value = text, "kvm/reservedMemory is no size like 1G; 1 GiB is kept");
        RESERVED
    })
}
