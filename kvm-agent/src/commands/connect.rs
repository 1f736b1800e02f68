//! `Connect`: says what the host is, and reports to the asking manager from then on.

use std::sync::Arc;

use cumulo_agent_rt::{AgentError, Command, TaskCx};
use cumulo_proto::kvm;

use crate::{HostError, KvmHost};

pub(super) struct Connect;

impl Command<KvmHost> for Connect {
    type Request = kvm::Connect;

    fn key(_: &Self::Request) -> String {
        "host".to_owned()
    }

    async fn run(host: Arc<KvmHost>, rq: Self::Request, cx: &TaskCx) -> Result<kvm::ConnectReply, AgentError> {
        if rq.host_uuid != host.uuid {
            return Err(HostError::WrongHost { own: host.uuid.clone(), asked: rq.host_uuid }.into());
        }
        let facts = facts(&host).await?;
        let vms = host.vms().await?;
        cx.report_to_sender();
        Ok(kvm::ConnectReply { facts: Some(facts), vms })
    }
}

async fn facts(host: &KvmHost) -> Result<kvm::HostFacts, AgentError> {
    let machine = host.facts.machine().await?;
    let memory = host.facts.memory().await?;
    let proven = host.facts.virtualization().await?;
    let (libvirt_version, qemu_version) = host.domains.versions().await?;
    Ok(kvm::HostFacts {
        host_uuid: host.uuid.clone(),
        hostname: machine.hostname,
        cpu_num: machine.cpus,
        cpu_mhz: machine.mhz,
        cpu_sockets: machine.sockets,
        cpu_model: machine.cpu_model,
        arch: machine.arch,
        total_memory: memory.total,
        used_memory: memory.total.saturating_sub(memory.available),
        os_distribution: machine.os,
        os_release: machine.os_release,
        os_version: machine.os_version,
        kernel: machine.kernel,
        libvirt_version,
        qemu_version,
        qemu_img_version: host.disks.version().await?,
        virtualization: proven.virtualization.into(),
        virtualization_reason: proven.reason,
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        ips: machine.ips.iter().map(ToString::to_string).collect(),
    })
}
