//! `DetachNetworkServiceFromL3Network`. A provider that loses a service gives back what only that needed, and one that is
//! left without any cleans up its hosts, before the record goes, so that a call that was cut off can be asked again.

use async_trait::async_trait;
use cumulo_contracts::{
    api::network_service::DetachNetworkServiceFromL3Network,
    resource::{L3Network, NetworkServiceL3NetworkRef},
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use super::parse;
use crate::{Networks, store};

#[async_trait]
impl HandleApi<DetachNetworkServiceFromL3Network> for Networks {
    async fn handle(
        &self,
        cx: &ApiCx,
        api: DetachNetworkServiceFromL3Network,
    ) -> Result<Inventory<L3Network>, ErrorCode> {
        let l3 = store::l3(self.kernel.db(), api.l3_network_uuid).await?;
        let there = store::services_of(self.kernel.db(), l3.uuid).await?;
        let going: Vec<NetworkServiceL3NetworkRef> = match (&api.network_services, &api.service) {
            (Some(wanted), _) => {
                let wanted = parse(wanted)?;
                let named = |used: &NetworkServiceL3NetworkRef| {
                    wanted.iter().any(|(provider, services)| {
                        *provider == used.network_service_provider_uuid && services.contains(&used.network_service_type)
                    })
                };
                there.iter().filter(|used| named(used)).cloned().collect()
            }
            (None, Some(service)) => {
                there.iter().filter(|used| used.network_service_type == *service).cloned().collect()
            }
            (None, None) => return Err(ErrorCode::invalid("one of networkServices and service must be given")),
        };
        self.detach_services(&l3, &there, &going).await?;
        cx.inventory::<L3Network>(&l3.uuid).await
    }
}

impl Networks {
    async fn detach_services(
        &self,
        l3: &L3Network,
        there: &[NetworkServiceL3NetworkRef],
        going: &[NetworkServiceL3NetworkRef],
    ) -> Result<(), ErrorCode> {
        for provider in self.providers_of(l3.uuid).await? {
            let of_provider = |used: &&NetworkServiceL3NetworkRef| used.network_service_provider_uuid == provider.uuid;
            let (loses, keeps): (Vec<_>, Vec<_>) =
                there.iter().filter(of_provider).partition(|used| going.contains(used));
            let keeps: Vec<String> = keeps.iter().map(|used| used.network_service_type.clone()).collect();
            match (loses.is_empty(), keeps.is_empty()) {
                (true, _) => {}
                (false, true) => self.backend(&provider)?.forget(l3).await?,
                (false, false) => self.prepare_provider(&provider, l3, &keeps).await?,
            }
        }
        store::remove_services(self.kernel.db(), going).await?;
        Ok(())
    }
}
