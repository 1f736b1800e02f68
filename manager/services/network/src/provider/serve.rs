//! Services for the NICs of a VM: given before it starts, taken back after it stopped, each by its network's provider.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_contracts::{
    ext::network::{NetworkServiceBackend, ServiceRequest},
    message::network::{ServeNics, ServedNic, UnserveNics},
    resource::L3Network,
};
use cumulo_kernel::bus::Handle;
use cumulo_schema::ErrorCode;

use crate::{Networks, store};

/// A request and who works on it.
type Served = (Arc<dyn NetworkServiceBackend>, ServiceRequest);

#[async_trait]
impl Handle<ServeNics> for Networks {
    async fn handle(&self, ask: ServeNics) -> Result<(), ErrorCode> {
        for nic in &ask.nics {
            let l3 = store::l3(self.kernel.db(), nic.l3).await?;
            for (backend, request) in self.requests(&ask, nic, l3).await? {
                backend.serve(&request).await.map_err(|cause| {
                    let (services, l3) = (request.services.join(", "), &request.l3.name);
                    let details = format!("VM {} could not be given {services} of L3 network '{l3}'", ask.vm);
                    ErrorCode::operation(details).because(cause)
                })?;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Handle<UnserveNics> for Networks {
    /// Goes on over what fails, and answers the first failure.
    async fn handle(&self, ask: UnserveNics) -> Result<(), ErrorCode> {
        let UnserveNics { vm, host, nics, task } = ask;
        let ask = ServeNics { vm, host, hostname: None, user_data: None, ssh_keys: vec![], nics, task };
        let mut outcome = Ok(());
        for nic in &ask.nics {
            let Some(l3) = self.kernel.db().find(L3Network::UUID, &nic.l3).await? else { continue };
            for (backend, request) in self.requests(&ask, nic, l3).await? {
                outcome = outcome.and(backend.unserve(&request).await);
            }
        }
        outcome
    }
}

impl Networks {
    async fn requests(&self, ask: &ServeNics, nic: &ServedNic, l3: L3Network) -> Result<Vec<Served>, ErrorCode> {
        let db = self.kernel.db();
        let refs = store::services_of(db, l3.uuid).await?;
        if refs.is_empty() {
            return Ok(vec![]);
        }
        let l2 = store::l2(db, l3.l2_network_uuid).await?;
        let bridge = self.driver(&l2)?.bridge(&l2);
        let mut requests = Vec::new();
        for provider in self.providers_of(l3.uuid).await? {
            let of_provider = refs.iter().filter(|used| used.network_service_provider_uuid == provider.uuid);
            let request = ServiceRequest {
                l3: l3.clone(),
                l2: l2.clone(),
                bridge: bridge.clone(),
                host: ask.host,
                vm: ask.vm,
                hostname: ask.hostname.clone(),
                user_data: ask.user_data.clone(),
                ssh_keys: ask.ssh_keys.clone(),
                nic: nic.clone(),
                services: of_provider.map(|used| used.network_service_type.clone()).collect(),
                task: ask.task.derive(&format!("{}/{}", nic.nic, provider.uuid)),
            };
            requests.push((self.backend(&provider)?, request));
        }
        Ok(requests)
    }
}
