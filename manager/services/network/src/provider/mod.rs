//! Network services: who provides them, on which L3 networks, to which NICs.

mod attach;
mod detach;
mod register;
mod serve;
mod types;

use std::{collections::BTreeMap, sync::Arc};

use cumulo_contracts::{
    ext::network::NetworkServiceBackend,
    resource::{L3Network, NetworkServiceProvider},
};
use cumulo_schema::{ErrorCode, Uuid};

pub use register::register_providers;

use crate::{Networks, ipv4::short, range::NORMAL, store};

impl Networks {
    /// What does a provider's work.
    pub(crate) fn backend(
        &self,
        provider: &NetworkServiceProvider,
    ) -> Result<Arc<dyn NetworkServiceBackend>, ErrorCode> {
        self.kernel.registry().driver::<dyn NetworkServiceBackend>("network services", &provider.r#type)
    }

    /// The providers of an L3 network.
    pub(crate) async fn providers_of(&self, l3: Uuid) -> Result<Vec<NetworkServiceProvider>, ErrorCode> {
        let db = self.kernel.db();
        let refs = store::services_of(db, l3).await?;
        let mut providers = store::providers(db).await?;
        providers.retain(|provider| refs.iter().any(|used| used.network_service_provider_uuid == provider.uuid));
        Ok(providers)
    }

    /// Lets the providers of an L3 network take what they need of it before guests do.
    ///
    /// # Errors
    /// The first refusal, after all providers were asked.
    pub(crate) async fn prepare_services(&self, l3: Uuid) -> Result<(), ErrorCode> {
        let db = self.kernel.db();
        let network = store::l3(db, l3).await?;
        let refs = store::services_of(db, l3).await?;
        let mut outcome = Ok(());
        for provider in self.providers_of(l3).await? {
            let of_provider = refs.iter().filter(|used| used.network_service_provider_uuid == provider.uuid);
            let services: Vec<String> = of_provider.map(|used| used.network_service_type.clone()).collect();
            outcome = outcome.and(self.prepare_provider(&provider, &network, &services).await);
        }
        outcome
    }

    /// One provider that has `services` on `l3`. Without a range for guests there is nothing to take yet, and nothing was:
    /// adding the first one comes here.
    async fn prepare_provider(
        &self,
        provider: &NetworkServiceProvider,
        l3: &L3Network,
        services: &[String],
    ) -> Result<(), ErrorCode> {
        let ranges = store::ranges(self.kernel.db(), l3.uuid).await?;
        if !l3.enable_ipam || ranges.iter().all(|range| range.ip_range_type != NORMAL) {
            return Ok(());
        }
        self.backend(provider)?.prepare(l3, services).await
    }

    /// As [`Networks::prepare_services`] after ranges changed, which is made whatever the providers say: the start of a
    /// VM asks for the same again and tells what is missing.
    pub(crate) async fn prepare_services_again(&self, l3: Uuid) {
        if let Err(error) = self.prepare_services(l3).await {
            tracing::warn!(%l3, %error, "a provider of network services could not take what it needs of a network");
        }
    }

    /// Tells the providers of an L3 network that what guests are told has changed. What they could not do is logged: the
    /// change itself is made, and the next start of a VM tells its host anyway.
    pub(crate) async fn refresh_services(&self, l3: Uuid) -> Result<(), ErrorCode> {
        let network = store::l3(self.kernel.db(), l3).await?;
        for provider in self.providers_of(l3).await? {
            if let Err(error) = self.backend(&provider)?.refresh(&network).await {
                tracing::warn!(%l3, provider = provider.name, %error, "hosts could not be told of a change");
            }
        }
        Ok(())
    }
}

/// `{provider uuid: [services]}` as both APIs take it, read and without repetition.
fn parse(wanted: &BTreeMap<String, Vec<String>>) -> Result<Vec<(Uuid, Vec<String>)>, ErrorCode> {
    if wanted.is_empty() {
        return Err(ErrorCode::invalid("networkServices must name at least one provider with its services"));
    }
    let mut parsed = Vec::new();
    for (provider, services) in wanted {
        let uuid = provider.parse().map_err(|_| {
            ErrorCode::invalid(format!("networkServices: '{}' is not the uuid of a provider", short(provider)))
        })?;
        let mut services = services.clone();
        services.sort_unstable();
        services.dedup();
        if services.is_empty() {
            return Err(ErrorCode::invalid(format!("networkServices: no service is named for the provider {uuid}")));
        }
        parsed.push((uuid, services));
    }
    Ok(parsed)
}
