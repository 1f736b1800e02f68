//! `GetPrimaryStorageTypes`: what the installed plugins serve.

use async_trait::async_trait;
use cumulo_contracts::{
    api::primary_storage::{GetPrimaryStorageTypes, GetPrimaryStorageTypesReply},
    ext::storage::PrimaryStorageDriver,
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::ErrorCode;

use crate::PrimaryStorages;

#[async_trait]
impl HandleApi<GetPrimaryStorageTypes> for PrimaryStorages {
    async fn handle(&self, cx: &ApiCx, _: GetPrimaryStorageTypes) -> Result<GetPrimaryStorageTypesReply, ErrorCode> {
        Ok(GetPrimaryStorageTypesReply { types: cx.kernel().registry().kinds::<dyn PrimaryStorageDriver>() })
    }
}
