//! Hosts that could not be told of a removal: they are told when they can be reached again.

use std::sync::Arc;

use async_trait::async_trait;
use cumulo_kernel::gc::GcRunner;
use cumulo_schema::{ErrorCode, Uuid};
use serde::{Deserialize, Serialize};

use crate::Flat;

/// The name of the runner.
pub(crate) const RUNNER: &str = "converge-flat-network";

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Debt {
    host: Uuid,
    l3: Uuid,
}

/// Why a host that cannot be reached is told nothing.
fn not_connected(host: Uuid) -> ErrorCode {
    ErrorCode::unreachable(host, format!("host {host} is not connected"))
}

impl Flat {
    /// Runs `tell`, which tells `host` what it does not serve of `l3` any more. Where the host is away, or does not answer
    /// meanwhile, it is owed that; where it is deleted there is nothing to tell.
    pub(crate) async fn tell_or_owe(
        &self,
        host: Uuid,
        l3: Uuid,
        tell: impl Future<Output = Result<(), ErrorCode>> + Send,
    ) -> Result<(), ErrorCode> {
        let told = match self.is_connected(host).await? {
            None => return Ok(()),
            Some(false) => Err(not_connected(host)),
            Some(true) => tell.await,
        };
        match told {
            // It is told when it is back, as one that was known to be away.
            Err(error) if error.waits_for() == Some(host) => self.owe(host, l3, &error).await,
            told => told,
        }
    }

    /// Records that `host` is still to be told what it serves of `l3`.
    pub(crate) async fn owe(&self, host: Uuid, l3: Uuid, why: &ErrorCode) -> Result<(), ErrorCode> {
        let name = format!("take what is not served any more of L3 network {l3} off host {host}");
        let context = serde_json::to_string(&Debt { host, l3 })
            .map_err(|cause| ErrorCode::internal("a debt cannot be stored").because_of(&cause))?;
        // A new debt each time: one that was paid says nothing of what came later.
        self.kernel.debts().record(Uuid::random(), name, RUNNER, context, l3, why).await
    }
}

/// Tries again.
pub(crate) struct Debts(pub(crate) Arc<Flat>);

#[async_trait]
impl GcRunner for Debts {
    async fn run(&self, context: &str, _: u64) -> Result<(), ErrorCode> {
        let Debt { host, l3 } = serde_json::from_str(context)
            .map_err(|cause| ErrorCode::internal("a debt's context is unreadable").because_of(&cause))?;
        match self.0.is_connected(host).await? {
            None => Ok(()),
            Some(false) => Err(not_connected(host)),
            Some(true) => self.0.converge(host, l3).await,
        }
    }
}
