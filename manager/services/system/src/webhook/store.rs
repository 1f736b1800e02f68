//! The table of web hooks, and what is remembered of it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use cumulo_contracts::{api::webhook::UpdateWebhook, resource::Webhook};
use cumulo_kernel::{
    Kernel,
    api::ApiCx,
    db::{Batch, Db, DbError},
};
use cumulo_schema::{Resource, Uuid};

/// How long the table is believed to be what it was: another node may have changed it.
const FRESH: Duration = Duration::from_secs(1);

type Remembered = Option<(Instant, Arc<[Webhook]>)>;

/// Reads and writes web hooks.
pub(super) struct Store {
    kernel: Kernel,
    db: Db,
    remembered: Mutex<Remembered>,
}

impl Store {
    pub(super) fn new(kernel: Kernel) -> Self {
        Self { db: kernel.db().clone(), kernel, remembered: Mutex::default() }
    }

    /// All of them, as they were at most a second ago.
    pub(super) async fn all(&self) -> Result<Arc<[Webhook]>, DbError> {
        if let Some((since, hooks)) = &*self.lock()
            && since.elapsed() < FRESH
        {
            return Ok(hooks.clone());
        }
        let read = Instant::now();
        let hooks: Arc<[Webhook]> = self.db.select::<Webhook>().all().await?.into();
        *self.lock() = Some((read, hooks.clone()));
        Ok(hooks)
    }

    /// Whether `hook` is there and the same, whenever it was made.
    pub(super) async fn is(&self, hook: &Webhook) -> Result<bool, DbError> {
        let there = self.db.find(Webhook::UUID, &hook.uuid).await?;
        Ok(there.is_some_and(|there| {
            (there.name, there.url, there.opaque) == (hook.name.clone(), hook.url.clone(), hook.opaque.clone())
        }))
    }

    pub(super) async fn insert(&self, cx: &ApiCx, hook: &Webhook) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch.insert(hook);
        cx.created::<Webhook>(&mut batch);
        self.commit(batch).await
    }

    pub(super) async fn update(&self, api: &UpdateWebhook) -> Result<(), DbError> {
        let mut batch = self.db.batch();
        batch
            .update::<Webhook>()
            .set_some(Webhook::NAME, api.name.as_ref())
            .set_some(Webhook::DESCRIPTION, api.description.clone().map(Some).as_ref())
            .set_some(Webhook::URL, api.url.as_ref())
            .set_some(Webhook::TYPE, api.r#type.as_ref())
            .set_some(Webhook::OPAQUE, api.opaque.clone().map(Some).as_ref())
            .eq(Webhook::UUID, &api.uuid)
            .expect(format!("web hook {} was deleted in the meantime", api.uuid));
        self.commit(batch).await
    }

    /// Removes a web hook; none is fine.
    pub(super) async fn remove(&self, hook: Uuid) -> Result<(), DbError> {
        let batch = self.kernel.cascade().removal(Webhook::META, &[hook]).await?;
        self.commit(batch).await
    }

    async fn commit(&self, batch: Batch) -> Result<(), DbError> {
        let done = self.db.commit(batch).await.map(drop);
        *self.lock() = None;
        done
    }

    fn lock(&self) -> MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
