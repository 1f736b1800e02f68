//! `SetNicLink`: makes sure whether a NIC of a VM has a link, now and from its next start on.

use std::sync::Arc;

use cumulo_agent_rt::{AgentError, Command, TaskCx};
use cumulo_proto::kvm;

use crate::{KvmHost, Mac, ObjectId, domains::Link};

pub(super) struct SetNicLink;

impl Command<KvmHost> for SetNicLink {
    type Request = kvm::SetNicLink;

    fn key(rq: &Self::Request) -> String {
        rq.vm_uuid.clone()
    }

    async fn run(host: Arc<KvmHost>, rq: Self::Request, _: &TaskCx) -> Result<kvm::SetNicLinkReply, AgentError> {
        let (vm, mac) = (ObjectId::try_from(rq.vm_uuid)?, Mac::try_from(rq.mac)?);
        host.domains.set_link(&vm, &mac, Link::of(rq.down)).await?;
        Ok(kvm::SetNicLinkReply {})
    }
}
