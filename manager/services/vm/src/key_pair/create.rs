//! `CreateSshKeyPair`. Of one key an account has one: whose it is would be unclear otherwise. Two lines hold one key when
//! their fingerprints are the same; that the account has it is claimed in the batch that records it.

use async_trait::async_trait;
use cumulo_contracts::{api::ssh_key_pair::CreateSshKeyPair, resource::SshKeyPair};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    db::DbError,
    ownership,
};
use cumulo_schema::{ErrorCode, Inventory, Uuid, codes};

use super::{KeyPairs, fingerprint::fingerprint, store};
use crate::settings;

#[async_trait]
impl HandleApi<CreateSshKeyPair> for KeyPairs {
    async fn handle(&self, cx: &ApiCx, api: CreateSshKeyPair) -> Result<Inventory<SshKeyPair>, ErrorCode> {
        let db = self.kernel.db();
        let public_key = api.public_key.trim().to_owned();
        let print = fingerprint(&public_key).filter(|_| public_key.lines().count() == 1);
        let Some(print) = print.filter(|_| settings::check_ssh_keys(&public_key).is_ok()) else {
            return Err(ErrorCode::invalid(
                "field[publicKey] is no public key; give the line that ssh-keygen writes to a .pub file: a type, the key in \
                 base64, a comment",
            ));
        };
        let now = cx.now();
        let pair = SshKeyPair {
            uuid: cx.resource_uuid,
            name: api.name,
            description: api.description,
            public_key,
            create_date: now,
            last_op_date: now,
        };
        match store::insert(db, cx, &pair, print.clone()).await {
            Err(DbError::Conflict { .. }) => self.made_before(cx.caller.account, &pair, &print).await?,
            inserted => inserted?,
        }
        cx.inventory::<SshKeyPair>(&pair.uuid).await
    }
}

impl KeyPairs {
    /// The account has this key, or the id is taken: by this very call, run again after a crash, or by another key, whose id
    /// the client chose.
    async fn made_before(&self, account: Uuid, pair: &SshKeyPair, print: &str) -> Result<(), ErrorCode> {
        let db = self.kernel.db();
        if let Some(there) = store::find(db, pair.uuid).await? {
            let same = there.name == pair.name && there.public_key == pair.public_key;
            if same && ownership::owner(db, pair.uuid).await? == Some(account) {
                return Ok(());
            }
            let details = format!("SSH key {} exists already; choose another resourceUuid", pair.uuid);
            return Err(ErrorCode::new(codes::CREATE_RESOURCE, details));
        }
        Err(match store::claimed(db, account, print).await? {
            Some(other) => {
                let text = format!("field[publicKey] is there already as '{}' ({})", other.name, other.uuid);
                ErrorCode::invalid(text)
            }
            None => ErrorCode::operation(format!("the key {print} was deleted at the same time; try again")),
        })
    }
}
