//! `UpdateOs`: brings the packages of the host up to date.

use std::sync::Arc;

use cumulo_agent_rt::{AgentError, Command, TaskCx};
use cumulo_proto::kvm;

use crate::{KvmHost, packages::Update};

pub(super) struct UpdateOs;

impl Command<KvmHost> for UpdateOs {
    type Request = kvm::UpdateOs;

    /// A machine has one set of packages.
    fn key(_: &Self::Request) -> String {
        "packages".to_owned()
    }

    /// Goes on over its deadline and a cancellation: a package manager that is cut off leaves packages half installed.
    async fn run(host: Arc<KvmHost>, rq: Self::Request, cx: &TaskCx) -> Result<kvm::UpdateOsReply, AgentError> {
        if rq.settle {
            return Ok(kvm::UpdateOsReply {});
        }
        let update = Update::checked(rq)?;
        host.packages.update(&update, &|percent, text| cx.progress(percent, text)).await?;
        Ok(kvm::UpdateOsReply {})
    }
}
