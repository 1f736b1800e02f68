//! `DetachNic`: makes sure a VM has a NIC no more.

use std::{sync::Arc, time::Duration};

use cumulo_agent_rt::{AgentError, Command, TaskCx};
use cumulo_proto::kvm;

use crate::{KvmHost, Mac, ObjectId, domains::run};

/// How long a guest gets where the manager does not say.
const PATIENCE: u32 = 20;

pub(super) struct DetachNic;

impl Command<KvmHost> for DetachNic {
    type Request = kvm::DetachNic;

    fn key(rq: &Self::Request) -> String {
        rq.vm_uuid.clone()
    }

    async fn run(host: Arc<KvmHost>, rq: Self::Request, cx: &TaskCx) -> Result<kvm::DetachNicReply, AgentError> {
        let (vm, mac) = (ObjectId::try_from(rq.vm_uuid)?, Mac::try_from(rq.mac)?);
        let patience = Duration::from_secs(if rq.timeout_s == 0 { PATIENCE } else { rq.timeout_s }.into());
        run::ensure_unplugged(&*host.domains, &vm, &mac, patience, cx).await?;
        Ok(kvm::DetachNicReply {})
    }
}
