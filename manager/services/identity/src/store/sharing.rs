//! Who owns what, and who else may use it. The tables are the kernel's.

use cumulo_kernel::db::DbError;
use cumulo_schema::{
    Timestamp, Uuid,
    system::{AccountResourceRef, SharedResource},
};

use super::Store;

impl Store {
    /// Who owns each of `resources`; what nobody owns is left out.
    pub(crate) async fn owners(&self, resources: &[Uuid]) -> Result<Vec<AccountResourceRef>, DbError> {
        self.db.select::<AccountResourceRef>().one_of(AccountResourceRef::RESOURCE_UUID, resources).all().await
    }

    /// Lets `receivers` use what `owned` names, `None` meaning everybody. Shared already is fine, and so is sharing with
    /// the owner, which changes nothing.
    pub(crate) async fn share(&self, owned: &[AccountResourceRef], receivers: &[Option<Uuid>]) -> Result<(), DbError> {
        let now = Timestamp::now();
        let mut batch = self.db.batch();
        for row in owned {
            // Otherwise a share could outlive a resource that is deleted at the same time.
            batch
                .update::<AccountResourceRef>()
                .eq(AccountResourceRef::RESOURCE_UUID, &row.resource_uuid)
                .eq(AccountResourceRef::ACCOUNT_UUID, &row.account_uuid)
                .expect(format!("resource {} was deleted, or changed its owner, in the meantime", row.resource_uuid));
            for receiver in receivers.iter().filter(|receiver| **receiver != Some(row.account_uuid)) {
                let name = receiver.map_or_else(|| "everybody".to_owned(), |account| account.to_string());
                let share = SharedResource {
                    uuid: row.resource_uuid.derive(&format!("shared/{name}")),
                    owner_account_uuid: row.account_uuid,
                    receiver_account_uuid: *receiver,
                    to_public: receiver.is_none(),
                    resource_type: row.resource_type.clone(),
                    resource_uuid: row.resource_uuid,
                    create_date: now,
                    last_op_date: now,
                };
                batch.delete::<SharedResource>().eq(SharedResource::UUID, &share.uuid).any();
                batch.insert(&share);
            }
        }
        self.db.commit(batch).await.map(drop)
    }

    /// Takes `resources` back from `receivers`, `None` meaning what was for everybody. Not shared is fine.
    pub(crate) async fn revoke(&self, resources: &[Uuid], receivers: &[Option<Uuid>]) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        for receiver in receivers {
            let shares = batch.delete::<SharedResource>().one_of(SharedResource::RESOURCE_UUID, resources);
            shares.eq(SharedResource::RECEIVER_ACCOUNT_UUID, receiver).any();
        }
        self.db.commit(batch).await.map(drop)
    }

    /// Takes `resources` back from everybody.
    pub(crate) async fn revoke_all(&self, resources: &[Uuid]) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch.delete::<SharedResource>().one_of(SharedResource::RESOURCE_UUID, resources).any();
        self.db.commit(batch).await.map(drop)
    }
}
