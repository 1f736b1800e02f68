//! `AttachNetworkServiceToL3Network`: all of the services that are asked for, or none.

use async_trait::async_trait;
use cumulo_contracts::{
    api::network_service::AttachNetworkServiceToL3Network,
    resource::{L3Network, NetworkServiceL3NetworkRef, NetworkServiceType},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    db::DbError,
};
use cumulo_schema::{ErrorCode, Inventory, Uuid};

use super::parse;
use crate::{Networks, ipv4::short, store};

#[async_trait]
impl HandleApi<AttachNetworkServiceToL3Network> for Networks {
    async fn handle(
        &self,
        cx: &ApiCx,
        api: AttachNetworkServiceToL3Network,
    ) -> Result<Inventory<L3Network>, ErrorCode> {
        let db = self.kernel.db();
        let l3 = store::l3(db, api.l3_network_uuid).await?;
        let types = store::service_types(db).await?;
        let mut wanted = Vec::new();
        for (provider, services) in parse(&api.network_services)? {
            self.check_provider(provider, &services, &types, &l3).await?;
            wanted.extend(services.into_iter().map(|service| NetworkServiceL3NetworkRef {
                l3_network_uuid: l3.uuid,
                network_service_provider_uuid: provider,
                network_service_type: service,
            }));
        }
        let new = self.attach_services(&l3, wanted).await?;
        if let Err(refused) = self.prepare_services(l3.uuid).await {
            store::remove_services(db, &new).await?;
            return Err(refused);
        }
        cx.inventory::<L3Network>(&l3.uuid).await
    }
}

impl Networks {
    async fn check_provider(
        &self,
        provider: Uuid,
        services: &[String],
        types: &[NetworkServiceType],
        l3: &L3Network,
    ) -> Result<(), ErrorCode> {
        let db = self.kernel.db();
        let row = store::provider(db, provider).await?;
        let has = |service: &str| {
            types.iter().any(|known| known.network_service_provider_uuid == provider && known.r#type == service)
        };
        if let Some(unknown) = services.iter().find(|service| !has(service)) {
            let of_provider = types.iter().filter(|known| known.network_service_provider_uuid == provider);
            let known: Vec<&str> = of_provider.map(|known| known.r#type.as_str()).collect();
            return Err(ErrorCode::invalid(format!(
                "the provider '{}' ({provider}) has no service '{}'; it has: {}",
                row.name,
                short(unknown),
                known.join(", ")
            )));
        }
        if !self.backend(&row)?.ip_versions().contains(&l3.ip_version) {
            return Err(ErrorCode::invalid(format!(
                "the provider '{}' serves no IPv{}, which L3 network '{}' is of; its guests are told by the network's own \
                 router, or set up by hand",
                row.name, l3.ip_version, l3.name
            )));
        }
        match store::provider_attached(db, provider, l3.l2_network_uuid).await? {
            true => Ok(()),
            false => Err(ErrorCode::invalid(format!(
                "the provider '{}' does not work on L2 network {}, which L3 network '{}' is on",
                row.name, l3.l2_network_uuid, l3.name
            ))),
        }
    }

    /// What is there from the same provider stays; a service has one provider, which the unique key sees to. Answers what
    /// is new.
    async fn attach_services(
        &self,
        l3: &L3Network,
        wanted: Vec<NetworkServiceL3NetworkRef>,
    ) -> Result<Vec<NetworkServiceL3NetworkRef>, ErrorCode> {
        let db = self.kernel.db();
        let there = store::services_of(db, l3.uuid).await?;
        let mut batch = db.batch();
        let mut added = Vec::new();
        for new in wanted {
            match there.iter().find(|old| old.network_service_type == new.network_service_type) {
                Some(old) if old.network_service_provider_uuid == new.network_service_provider_uuid => {}
                Some(old) => return Err(provided(l3, &new.network_service_type, old.network_service_provider_uuid)),
                None => {
                    batch.insert(&new);
                    added.push(new);
                }
            }
        }
        if batch.is_empty() {
            return Ok(added);
        }
        match db.commit(batch).await {
            Err(DbError::Conflict { .. }) => Err(ErrorCode::invalid(format!(
                "a service was named for two providers, or given to L3 network '{}' at this moment; a service has one",
                l3.name
            ))),
            committed => {
                committed?;
                Ok(added)
            }
        }
    }
}

fn provided(l3: &L3Network, service: &str, provider: Uuid) -> ErrorCode {
    ErrorCode::invalid(format!(
        "L3 network '{}' gets {service} from the provider {provider} already; detach it first",
        l3.name
    ))
}
