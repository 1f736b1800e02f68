//! `CreateAccessKey`: for oneself; the admin makes them for anybody.

use async_trait::async_trait;
use cumulo_contracts::{
    api::access_key::CreateAccessKey,
    resource::{AccessKey, ResourceState},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    db::DbError,
};
use cumulo_schema::{ErrorCode, Inventory, Resource, codes};
use serde_json::Value;

use crate::{Identity, password::generate};

/// Characters of the two parts, where they are made here; the most that clients can give.
const ID_LENGTH: usize = 20;
const SECRET_LENGTH: usize = 40;
/// The member of the answer that is nowhere else.
const SECRET: &str = "AccessKeySecret";

#[async_trait]
impl HandleApi<CreateAccessKey> for Identity {
    async fn handle(&self, cx: &ApiCx, api: CreateAccessKey) -> Result<Inventory<AccessKey>, ErrorCode> {
        if api.user_uuid != api.account_uuid {
            let details = "field[userUuid] must be the same as accountUuid: accounts have no users";
            return Err(ErrorCode::invalid(details));
        }
        cx.tags.system.iter().try_for_each(|tag| self.kernel.tags().check(AccessKey::META.vo, tag))?;
        let now = cx.now();
        let secret = api.access_key_secret.unwrap_or_else(|| generate(SECRET_LENGTH));
        let key = AccessKey {
            uuid: cx.resource_uuid,
            description: api.description,
            account_uuid: api.account_uuid,
            user_uuid: api.user_uuid,
            access_key_id: api.access_key_id.unwrap_or_else(|| generate(ID_LENGTH)),
            access_key_secret: self.kernel.vault().seal(&secret),
            state: ResourceState::Enabled,
            made_by: cx.job,
            create_date: now,
            last_op_date: now,
        };
        let secret = match self.store.insert_access_key(&key, cx).await {
            Ok(()) => secret,
            Err(DbError::Conflict { .. }) => self.key_made_before(&key).await?,
            Err(error) => return Err(error.into()),
        };
        let mut made = cx.inventory::<AccessKey>(&key.uuid).await?;
        if let Value::Object(members) = &mut made.inventory {
            members.insert(SECRET.to_owned(), Value::String(secret));
        }
        Ok(made)
    }
}

impl Identity {
    /// The secret of the key that this very call made before a crash. Another call is not told any.
    async fn key_made_before(&self, key: &AccessKey) -> Result<String, ErrorCode> {
        match self.store.access_key(key.uuid).await? {
            Some(there) if there.made_by == key.made_by => self.kernel.vault().unseal(&there.access_key_secret),
            Some(_) => {
                let details = format!("access key {} exists already; choose another resourceUuid", key.uuid);
                Err(ErrorCode::new(codes::CREATE_RESOURCE, details))
            }
            None => {
                let details = format!("the access key id {} is taken; choose another", key.access_key_id);
                Err(ErrorCode::new(codes::CREATE_RESOURCE, details))
            }
        }
    }
}
