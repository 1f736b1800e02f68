//! `GetL2NetworkTypes`: what the installed plugins can make.

use async_trait::async_trait;
use cumulo_contracts::{
    api::l2::{GetL2NetworkTypes, GetL2NetworkTypesReply},
    ext::network::L2Driver,
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::ErrorCode;

use crate::Networks;

#[async_trait]
impl HandleApi<GetL2NetworkTypes> for Networks {
    async fn handle(&self, _: &ApiCx, _: GetL2NetworkTypes) -> Result<GetL2NetworkTypesReply, ErrorCode> {
        Ok(GetL2NetworkTypesReply { types: self.kernel.registry().kinds::<dyn L2Driver>() })
    }
}
