//! `GetHypervisorTypes` and `GetHostAllocatorStrategies`: what this build knows.

use async_trait::async_trait;
use cumulo_contracts::{
    api::host::{
        GetHostAllocatorStrategies, GetHostAllocatorStrategiesReply, GetHypervisorTypes, GetHypervisorTypesReply,
    },
    ext::{host::HOST_ALLOCATOR_STRATEGIES, hypervisor::HostConnector},
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::ErrorCode;

use crate::Hosts;

#[async_trait]
impl HandleApi<GetHypervisorTypes> for Hosts {
    async fn handle(&self, _cx: &ApiCx, _api: GetHypervisorTypes) -> Result<GetHypervisorTypesReply, ErrorCode> {
        Ok(GetHypervisorTypesReply { hypervisor_types: self.kernel.registry().kinds::<dyn HostConnector>() })
    }
}

#[async_trait]
impl HandleApi<GetHostAllocatorStrategies> for Hosts {
    async fn handle(
        &self,
        _cx: &ApiCx,
        _api: GetHostAllocatorStrategies,
    ) -> Result<GetHostAllocatorStrategiesReply, ErrorCode> {
        let strategies = HOST_ALLOCATOR_STRATEGIES.iter().map(|name| (*name).to_owned()).collect();
        Ok(GetHostAllocatorStrategiesReply { strategies })
    }
}
