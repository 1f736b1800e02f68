//! `GetL2NetworkTypes` and `GetVSwitchTypes`: what the installed plugins can make, and with what.

use async_trait::async_trait;
use cumulo_contracts::{
    api::{
        l2::{GetL2NetworkTypes, GetL2NetworkTypesReply},
        l2_candidates::{GetVSwitchTypes, GetVSwitchTypesReply},
    },
    ext::network::L2Driver,
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::ErrorCode;

use super::create::LINUX_BRIDGE;
use crate::Networks;

#[async_trait]
impl HandleApi<GetL2NetworkTypes> for Networks {
    async fn handle(&self, _: &ApiCx, _: GetL2NetworkTypes) -> Result<GetL2NetworkTypesReply, ErrorCode> {
        Ok(GetL2NetworkTypesReply { types: self.kernel.registry().kinds::<dyn L2Driver>() })
    }
}

#[async_trait]
impl HandleApi<GetVSwitchTypes> for Networks {
    async fn handle(&self, _: &ApiCx, _: GetVSwitchTypes) -> Result<GetVSwitchTypesReply, ErrorCode> {
        Ok(GetVSwitchTypesReply { types: vec![LINUX_BRIDGE.to_owned()] })
    }
}
