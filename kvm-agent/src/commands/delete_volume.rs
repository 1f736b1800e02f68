//! `DeleteVolume`: makes sure a volume is gone.

use std::sync::Arc;

use cumulo_agent_rt::{AgentError, Command, TaskCx};
use cumulo_proto::kvm;

use crate::KvmHost;

pub(super) struct DeleteVolume;

impl Command<KvmHost> for DeleteVolume {
    type Request = kvm::DeleteVolume;

    fn key(rq: &Self::Request) -> String {
        rq.path.clone()
    }

    async fn run(host: Arc<KvmHost>, rq: Self::Request, _: &TaskCx) -> Result<kvm::DeleteVolumeReply, AgentError> {
        host.disks.remove(&host.roots.confine(&rq.path)?).await?;
        Ok(kvm::DeleteVolumeReply {})
    }
}
