//! Simulated hosts: there at once, and always answering.

use async_trait::async_trait;
use cumulo_contracts::{
    ext::hypervisor::{HostConnector, HostFacts, OsUpdate, OsUpdater},
    resource::SimulatorHost,
};
use cumulo_schema::{ErrorCode, Uuid};

use crate::Simulator;

/// What a real host of the day would say of itself, so that queries by it find something here too.
const TAGS: [&str; 7] = [
    "os::distribution::debian",
    "os::release::bookworm",
    "os::version::12",
    "libvirt::version::9.0.0",
    "qemu-img::version::7.2.0",
    "capability:liveSnapshot",
    "capability::liveSnapshot",
];

/// Speed of the pretended processors, in MHz.
const CPU_MHZ: i64 = 2000;

#[async_trait]
impl HostConnector for Simulator {
    /// There is nothing to deploy. From here on, and over restarts, the gateway answers for the host.
    async fn connect(&self, host: Uuid, _deploy: bool) -> Result<HostFacts, ErrorCode> {
        let row = self.host(host).await?;
        self.gateway.simulate(host).await?;
        Ok(HostFacts {
            cpu_num: row.cpu_capacity,
            cpu_mhz: CPU_MHZ,
            cpu_sockets: 1,
            cpu_model: "Simulator".to_owned(),
            architecture: "x86_64".to_owned(),
            total_memory: row.memory_capacity,
            used_memory: 0,
            os: (String::new(), String::new(), String::new()),
            tags: TAGS.map(str::to_owned).to_vec(),
        })
    }

    async fn ping(&self, host: Uuid) -> Result<(), ErrorCode> {
        self.host(host).await.map(drop)
    }

    /// The VMs on it go with it: a simulated host that nobody manages is nowhere.
    async fn disconnect(&self, host: Uuid) -> Result<(), ErrorCode> {
        self.store.forget_host(host).await?;
        self.gateway.forget(host).await
    }
}

#[async_trait]
impl OsUpdater for Simulator {
    /// A pretended host has no packages; as a real one, it must be there.
    async fn update_os(&self, host: Uuid, _task: Uuid, _update: &OsUpdate) -> Result<(), ErrorCode> {
        self.host(host).await.map(drop)
    }

    /// What takes no time is never under way.
    async fn settle_update(&self, _: Uuid, _: Uuid) -> Result<(), ErrorCode> {
        Ok(())
    }
}

impl Simulator {
    async fn host(&self, host: Uuid) -> Result<SimulatorHost, ErrorCode> {
        let row = self.kernel.db().find(SimulatorHost::UUID, &host).await?;
        row.ok_or_else(|| ErrorCode::not_found("SimulatorHost", host))
    }
}
