//! Two kernels on one ring.

use std::sync::Arc;

use anyhow::Context;
use async_trait::async_trait;
use cumulo_kernel::{
    Kernel, Setup,
    bus::Handle,
    db::Db,
    ring::{Members, Ring, View},
};
use cumulo_schema::{ErrorCode, Uuid, message};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::sync::watch;

/// As large as a usual message between services.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Echo {
    pub(crate) key: Uuid,
    pub(crate) text: String,
}
message!(Echo => Echo, service = "echo", key = key);

struct Echoes;

#[async_trait]
impl Handle<Echo> for Echoes {
    async fn handle(&self, message: Echo) -> Result<Echo, ErrorCode> {
        Ok(message)
    }
}

/// What both sides of the comparison send.
pub(crate) fn echo(key: Uuid) -> Echo {
    Echo { key, text: "x".repeat(200) }
}

pub(crate) struct Nodes {
    kernels: [Kernel; 2],
    key: Uuid,
    _view: watch::Sender<Arc<View>>,
    _dirs: [TempDir; 2],
}

impl Nodes {
    pub(crate) async fn start(url: &str) -> anyhow::Result<Self> {
        let ids = [Uuid::random(), Uuid::random()];
        let ring = Ring::new(1, &ids);
        let key = std::iter::repeat_with(Uuid::random).find(|key| ring.owner(key) == Some(ids[1]));
        let view = watch::Sender::new(Arc::new(View { ring, joined: 1 }));
        let dirs = [tempfile::tempdir()?, tempfile::tempdir()?];
        let [one, two] = [0, 1].map(|n| start(url, ids[n], &view, &dirs[n]));
        let kernels = [one.await?, two.await?];
        Ok(Self { kernels, key: key.context("for ever")?, _view: view, _dirs: dirs })
    }

    pub(crate) async fn call(&self) -> anyhow::Result<()> {
        let answer = self.kernels[0].bus().call(echo(self.key)).await?;
        anyhow::ensure!(answer.key == self.key, "another answer");
        Ok(())
    }

    pub(crate) async fn stop(&self) {
        for kernel in &self.kernels {
            kernel.stop().await;
        }
    }
}

async fn start(url: &str, id: Uuid, view: &watch::Sender<Arc<View>>, dir: &TempDir) -> anyhow::Result<Kernel> {
    let db = Db::sqlite(&dir.path().join("cumulo.db")).await?;
    let mut setup = Setup::new(db, id, &dir.path().join("key"))?;
    setup.message::<Echo>(Arc::new(Echoes));
    setup.broker(url.parse()?, Members::new(id, view.subscribe()));
    Ok(setup.start("").await?)
}
