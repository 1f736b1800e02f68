//! Two kernels that share their work.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use async_trait::async_trait;
use cumulo_kernel::{
    Kernel, Setup,
    bus::{Handle, amqp::BrokerUrl},
    cluster::Taking,
    db::Db,
    ring::Ring,
};
use cumulo_schema::{ErrorCode, Uuid, message};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

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
    _dir: TempDir,
}

impl Nodes {
    pub(crate) async fn start(url: &str) -> anyhow::Result<Self> {
        let ids = [Uuid::random(), Uuid::random()];
        let ring = Ring::new(1, &ids);
        let key = std::iter::repeat_with(Uuid::random).find(|key| ring.owner(key) == Some(ids[1]));
        let key = key.context("for ever")?;
        let dir = tempfile::tempdir()?;
        let db = Db::sqlite(&dir.path().join("cumulo.db")).await?;
        let kernels = [start(url, ids[0], &db, &dir).await?, start(url, ids[1], &db, &dir).await?];
        let deadline = Instant::now() + Duration::from_secs(30);
        while kernels[0].cluster().owns(&key) || !kernels[1].cluster().owns(&key) {
            anyhow::ensure!(Instant::now() < deadline, "the nodes do not find each other");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(Self { kernels, key, _dir: dir })
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

async fn start(url: &str, id: Uuid, db: &Db, dir: &TempDir) -> anyhow::Result<Kernel> {
    let mut setup = Setup::new(db.clone(), id, &dir.path().join("key"))?;
    setup.message::<Echo>(Arc::new(Echoes));
    setup.broker(url.parse::<BrokerUrl>()?);
    setup.share(Taking { host_name: "bench".to_owned(), lease: Duration::from_secs(10) });
    Ok(setup.start("").await?)
}
