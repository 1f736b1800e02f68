//! Simulated hosts: there at once, and always answering.

use async_trait::async_trait;
use cumulo_contracts::{
    ext::hypervisor::{HostConnector, HostFacts},
    resource::SimulatorHost,
};
use cumulo_schema::{ErrorCode, Uuid};

use crate::Simulator;

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
            tags: vec![],
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

impl Simulator {
    async fn host(&self, host: Uuid) -> Result<SimulatorHost, ErrorCode> {
        let row = self.kernel.db().find(SimulatorHost::UUID, &host).await?;
        row.ok_or_else(|| ErrorCode::not_found("SimulatorHost", host))
    }
}
