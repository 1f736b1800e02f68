//! A kernel over a database of its own.

use std::time::{Duration, Instant};

use cumulo_kernel::{
    Kernel, Setup,
    bus::{CallContext, Caller},
    db::Db,
};
use cumulo_schema::Uuid;
use tempfile::TempDir;
use tokio::task::JoinSet;

/// Longest that anything measured here may take.
const PATIENCE: Duration = Duration::from_mins(5);

/// A kernel, alone and started.
pub(crate) struct Node {
    pub(crate) kernel: Kernel,
    // Dropped last: the database is in it.
    _dir: TempDir,
}

impl Node {
    pub(crate) async fn start(chains: &str, install: impl FnOnce(&mut Setup)) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let db = Db::sqlite(&dir.path().join("cumulo.db")).await?;
        let mut setup = Setup::new(db, Uuid::random(), &dir.path().join("key"))?;
        install(&mut setup);
        Ok(Self { kernel: setup.start(chains).await?, _dir: dir })
    }

    pub(crate) async fn stop(self) {
        self.kernel.stop().await;
    }
}

/// Has `callers` do `work` at once, each in a context of its own as an API call or a round has one, and answers how often it
/// was done a second, where each does it `times`.
pub(crate) async fn rate<W>(callers: u32, times: u32, work: impl Fn(u32) -> W) -> anyhow::Result<f64>
where
    W: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        let context = CallContext::starting(Uuid::random(), Caller::SYSTEM, PATIENCE);
        // In tasks: what waits outside of the runtime's threads is woken across them.
        tasks.spawn(context.scope(work(caller)));
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(f64::from(callers) * f64::from(times) / begun.elapsed().as_secs_f64())
}
