//! `GetL3NetworkTypes`.

use async_trait::async_trait;
use cumulo_contracts::api::l3::{GetL3NetworkTypes, GetL3NetworkTypesReply};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::ErrorCode;

use super::TYPE;
use crate::Networks;

#[async_trait]
impl HandleApi<GetL3NetworkTypes> for Networks {
    async fn handle(&self, _: &ApiCx, _: GetL3NetworkTypes) -> Result<GetL3NetworkTypesReply, ErrorCode> {
        Ok(GetL3NetworkTypesReply { types: vec![TYPE.to_owned()] })
    }
}
