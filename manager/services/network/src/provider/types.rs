//! `GetNetworkServiceTypes`: every service with the types of providers that have it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cumulo_contracts::{
    api::network_service::{GetNetworkServiceTypes, GetNetworkServiceTypesReply},
    ext::network::NetworkServiceBackend,
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::ErrorCode;

use crate::Networks;

#[async_trait]
impl HandleApi<GetNetworkServiceTypes> for Networks {
    async fn handle(&self, _: &ApiCx, _: GetNetworkServiceTypes) -> Result<GetNetworkServiceTypesReply, ErrorCode> {
        let registry = self.kernel.registry();
        let mut types: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for kind in registry.kinds::<dyn NetworkServiceBackend>() {
            for service in registry.driver::<dyn NetworkServiceBackend>("network services", &kind)?.services() {
                types.entry((*service).to_owned()).or_default().push(kind.clone());
            }
        }
        Ok(GetNetworkServiceTypesReply { types })
    }
}
