//! The quotas of accounts. The table is the kernel's.

use cumulo_kernel::{db::DbError, quota};
use cumulo_schema::{Uuid, system::Quota};

use super::Store;

impl Store {
    /// The quotas of `account`, by name.
    pub(crate) async fn quotas_of(&self, account: Uuid) -> Result<Vec<Quota>, DbError> {
        self.db.select::<Quota>().eq(Quota::IDENTITY_UUID, &account).order_by(Quota::NAME).all().await
    }

    /// Sets the quota `name` of `account` to `value` and answers its id; `None` where there is no such quota.
    pub(crate) async fn set_quota(&self, account: Uuid, name: &str, value: i64) -> Result<Option<Uuid>, DbError> {
        let uuid = quota::uuid_of(account, name);
        loop {
            let Some(old) = self.db.find(Quota::UUID, &uuid).await? else { return Ok(None) };
            let mut batch = self.db.batch();
            batch
                .update::<Quota>()
                .set(Quota::VALUE, &value)
                .add(Quota::FREE, value - old.value)
                .eq(Quota::UUID, &uuid)
                .eq(Quota::VALUE, &old.value)
                .expect("changed by somebody else at the same time");
            match self.db.commit(batch).await {
                Ok(_) => return Ok(Some(uuid)),
                // Somebody set it to something else; what was read is old.
                Err(DbError::Unmet { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
}
