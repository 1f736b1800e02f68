//! Bringing a host under management.

use async_trait::async_trait;
use cumulo_contracts::{
    ext::hypervisor::{HostConnector, HostFacts},
    resource::{Host, KVMHost},
};
use cumulo_gateway::{AgentKind, Secret, SshTarget};
use cumulo_kernel::Kernel;
use cumulo_proto::kvm;
use cumulo_schema::{ErrorCode, Uuid};

use crate::{Kvm, tags};

#[async_trait]
impl HostConnector for Kvm {
    async fn connect(&self, host: Uuid, deploy: bool) -> Result<HostFacts, ErrorCode> {
        if deploy {
            let target = target(&self.kernel, host).await?;
            self.gateway.deploy(host, AgentKind::Kvm, &target).await?;
        }
        // Facts change, so each connection is a task of its own.
        let hello = kvm::Connect { header: None, host_uuid: host.to_string() };
        let reply = self.gateway.greet(host, Uuid::random(), hello).await?;
        let missing =
            || ErrorCode::operation(format!("the agent of host {host} told nothing of its host; reconnect it"));
        Ok(facts(reply.facts.ok_or_else(missing)?))
    }

    async fn ping(&self, host: Uuid) -> Result<(), ErrorCode> {
        let pong = self.gateway.ping(host).await?;
        self.renew_certificate(host);
        if pong.connected {
            return Ok(());
        }
        // An agent that was restarted does not know where to report to until it is told again.
        let hello = kvm::Connect { header: None, host_uuid: host.to_string() };
        self.gateway.greet(host, Uuid::random(), hello).await.map(drop)
    }

    async fn disconnect(&self, host: Uuid) -> Result<(), ErrorCode> {
        self.gateway.forget(host).await
    }
}

/// How to log in to the host.
pub(crate) async fn target(kernel: &Kernel, host: Uuid) -> Result<SshTarget, ErrorCode> {
    let db = kernel.db();
    let row = db.find(Host::UUID, &host).await?.ok_or_else(|| ErrorCode::not_found("Host", host))?;
    let kvm = db.find(KVMHost::UUID, &host).await?.ok_or_else(|| ErrorCode::not_found("KVMHost", host))?;
    Ok(SshTarget {
        host: row.management_ip,
        port: u16::try_from(kvm.ssh_port).unwrap_or(22),
        username: kvm.username,
        password: Secret::new(kernel.vault().unseal(&kvm.password)?),
    })
}

fn facts(facts: kvm::HostFacts) -> HostFacts {
    let tags = [
        (tags::QEMU_IMG, "version", &facts.qemu_img_version),
        (tags::LIBVIRT, "version", &facts.libvirt_version),
        (tags::DISTRIBUTION, "distribution", &facts.os_distribution),
        (tags::VERSION, "version", &facts.os_version),
        (tags::RELEASE, "release", &facts.os_release),
    ];
    let known = tags.iter().filter(|(_, _, value)| !value.is_empty());
    let mut tags: Vec<String> = known.map(|(def, token, value)| def.instantiate(&[(token, value)])).collect();
    if tags::takes_live_snapshots(&facts.libvirt_version, &facts.qemu_img_version) {
        tags.extend([tags::LIVE_SNAPSHOT, tags::LIVE_SNAPSHOT_NOW].map(|def| def.pattern.to_owned()));
    }
    let bytes = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    HostFacts {
        cpu_num: i64::from(facts.cpu_num),
        cpu_mhz: i64::from(facts.cpu_mhz),
        cpu_sockets: i32::try_from(facts.cpu_sockets).unwrap_or(i32::MAX),
        cpu_model: facts.cpu_model,
        architecture: facts.arch,
        total_memory: bytes(facts.total_memory),
        used_memory: bytes(facts.used_memory),
        os: (facts.os_distribution, facts.os_release, facts.os_version),
        tags,
    }
}
