//! `CreateSshKeyPair`. Of one key an account has one: whose it is would be unclear otherwise.

use async_trait::async_trait;
use cumulo_contracts::{api::ssh_key_pair::CreateSshKeyPair, resource::SshKeyPair};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    db::DbError,
    ownership,
};
use cumulo_schema::{ErrorCode, Inventory, codes};

use super::{KeyPairs, store};
use crate::settings;

#[async_trait]
impl HandleApi<CreateSshKeyPair> for KeyPairs {
    async fn handle(&self, cx: &ApiCx, api: CreateSshKeyPair) -> Result<Inventory<SshKeyPair>, ErrorCode> {
        let db = self.kernel.db();
        let public_key = api.public_key.trim().to_owned();
        if public_key.lines().count() != 1 || settings::check_ssh_keys(&public_key).is_err() {
            return Err(ErrorCode::invalid(
                "field[publicKey] is no public key; give the line that ssh-keygen writes to a .pub file: a type, the key in \
                 base64, a comment",
            ));
        }
        for other in store::alike(db, &public_key).await? {
            let own = ownership::owner(db, other.uuid).await? == Some(cx.caller.account);
            if own && other.uuid != cx.resource_uuid {
                let text = format!("field[publicKey] is there already as '{}' ({})", other.name, other.uuid);
                return Err(ErrorCode::invalid(text));
            }
        }
        let now = cx.now();
        let pair = SshKeyPair {
            uuid: cx.resource_uuid,
            name: api.name,
            description: api.description,
            public_key,
            create_date: now,
            last_op_date: now,
        };
        match store::insert(db, cx, &pair).await {
            Err(DbError::Conflict { .. }) => self.made_before(&pair).await?,
            inserted => inserted?,
        }
        cx.inventory::<SshKeyPair>(&pair.uuid).await
    }
}

impl KeyPairs {
    /// The id is taken: by this very call, run again after a crash, or by another key whose id the client chose.
    async fn made_before(&self, pair: &SshKeyPair) -> Result<(), ErrorCode> {
        match store::find(self.kernel.db(), pair.uuid).await? {
            Some(there) if there.name == pair.name && there.public_key == pair.public_key => Ok(()),
            _ => {
                let details = format!("SSH key {} exists already; choose another resourceUuid", pair.uuid);
                Err(ErrorCode::new(codes::CREATE_RESOURCE, details))
            }
        }
    }
}
