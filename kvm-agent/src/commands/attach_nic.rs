//! `AttachNic`: makes sure a VM has a NIC, now and from its next start on.

use std::sync::Arc;

use cumulo_agent_rt::{AgentError, Command, TaskCx};
use cumulo_proto::kvm;

use crate::{HostError, KvmHost, ObjectId, domains::NicSpec};

pub(super) struct AttachNic;

impl Command<KvmHost> for AttachNic {
    type Request = kvm::AttachNic;

    fn key(rq: &Self::Request) -> String {
        rq.vm_uuid.clone()
    }

    async fn run(host: Arc<KvmHost>, rq: Self::Request, _: &TaskCx) -> Result<kvm::AttachNicReply, AgentError> {
        let vm = ObjectId::try_from(rq.vm_uuid)?;
        let nic = NicSpec::checked(&rq.nic.ok_or(HostError::Lacks("the NIC"))?)?;
        host.domains.plug(&vm, &nic).await?;
        Ok(kvm::AttachNicReply {})
    }
}
