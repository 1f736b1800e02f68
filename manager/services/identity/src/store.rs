//! The tables of accounts and sessions.

mod access_key;
mod quota;
mod sharing;

use cumulo_contracts::{
    api::identity::UpdateAccount,
    resource::{Account, Session},
};
use cumulo_kernel::{
    api::ApiCx,
    db::{Batch, Db, DbError},
    ownership,
};
use cumulo_schema::{Timestamp, Uuid};

/// Rows removed in one write.
const CHUNK: u64 = 500;

/// Reads and writes accounts and sessions; clones share the database.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    db: Db,
}

impl Store {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    pub(crate) async fn account(&self, account: Uuid) -> Result<Option<Account>, DbError> {
        self.db.find(Account::UUID, &account).await
    }

    pub(crate) async fn account_called(&self, name: &str) -> Result<Option<Account>, DbError> {
        self.db.find(Account::NAME, &name.to_owned()).await
    }

    /// The ids of all accounts.
    pub(crate) async fn accounts(&self) -> Result<Vec<Uuid>, DbError> {
        let accounts = self.db.select::<Account>().all().await?;
        Ok(accounts.into_iter().map(|account| account.uuid).collect())
    }

    /// An empty batch of writes.
    pub(crate) fn batch(&self) -> Batch {
        self.db.batch()
    }

    /// Adds `account` together with what is in `batch`; [`DbError::Conflict`] when its id or name is taken.
    pub(crate) async fn insert_account(
        &self,
        account: &Account,
        call: Option<&ApiCx>,
        mut batch: Batch,
    ) -> Result<(), DbError> {
        batch.insert(account);
        if let Some(cx) = call {
            cx.created::<Account>(&mut batch);
        }
        self.db.commit(batch).await.map(drop)
    }

    /// Changes what `api` names, and the password to `hash`; [`DbError::Conflict`] when the name is taken.
    pub(crate) async fn update_account(&self, api: &UpdateAccount, hash: Option<&String>) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch
            .update::<Account>()
            .set_some(Account::NAME, api.name.as_ref())
            .set_some(Account::DESCRIPTION, api.description.as_ref())
            .set_some(Account::PASSWORD, hash)
            .eq(Account::UUID, &api.uuid)
            .expect(format!("account {} was deleted in the meantime", api.uuid));
        self.db.commit(batch).await.map(drop)
    }

    /// Changes the password of `account` and ends its sessions.
    pub(crate) async fn reset_password(&self, account: Uuid, hash: &String) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch.delete::<Session>().eq(Session::ACCOUNT_UUID, &account).any();
        batch.update::<Account>().set(Account::PASSWORD, hash).eq(Account::UUID, &account).any();
        self.db.commit(batch).await.map(drop)
    }

    /// Removes `accounts` by `removal`; those that are gone are fine. What still belongs to
    /// them belongs to the admin from then on, so that nothing is without an owner.
    pub(crate) async fn remove_accounts(&self, accounts: &[Uuid], removal: Batch) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        ownership::accounts_removed(&mut batch, accounts);
        batch.append(removal);
        self.db.commit(batch).await.map(drop)
    }

    pub(crate) async fn session(&self, session: Uuid) -> Result<Option<Session>, DbError> {
        self.db.find(Session::UUID, &session).await
    }

    /// Adds `session`; [`DbError::Reference`] when its account is gone.
    pub(crate) async fn insert_session(&self, session: &Session) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch.insert(session);
        self.db.commit(batch).await.map(drop)
    }

    pub(crate) async fn extend_session(&self, session: Uuid, until: Timestamp) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch.update::<Session>().set(Session::EXPIRED_DATE, &until).eq(Session::UUID, &session).any();
        self.db.commit(batch).await.map(drop)
    }

    pub(crate) async fn remove_sessions(&self, sessions: &[Uuid]) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch.delete::<Session>().one_of(Session::UUID, sessions).any();
        self.db.commit(batch).await.map(drop)
    }

    pub(crate) async fn sessions_of(&self, account: Uuid) -> Result<Vec<Session>, DbError> {
        self.db.select::<Session>().eq(Session::ACCOUNT_UUID, &account).all().await
    }

    /// Removes the sessions that ended before `end`.
    pub(crate) async fn remove_ended(&self, end: Timestamp) -> Result<(), DbError> {
        loop {
            let ended = self.db.select::<Session>().at_most(Session::EXPIRED_DATE, end.0).limit(CHUNK).all().await?;
            if ended.is_empty() {
                return Ok(());
            }
            let ended: Vec<Uuid> = ended.iter().map(|session| session.uuid).collect();
            self.remove_sessions(&ended).await?;
        }
    }
}
