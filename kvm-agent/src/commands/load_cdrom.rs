//! `LoadCdrom`: makes sure what is in a drive of a VM, now and from its next start on.

use std::sync::Arc;

use cumulo_agent_rt::{AgentError, Command, TaskCx};
use cumulo_proto::kvm;

use crate::{HostError, KvmHost, ObjectId, domains::CdromSpec};

pub(super) struct LoadCdrom;

impl Command<KvmHost> for LoadCdrom {
    type Request = kvm::LoadCdrom;

    fn key(rq: &Self::Request) -> String {
        rq.vm_uuid.clone()
    }

    async fn run(host: Arc<KvmHost>, rq: Self::Request, _: &TaskCx) -> Result<kvm::LoadCdromReply, AgentError> {
        let vm = ObjectId::try_from(rq.vm_uuid)?;
        let cdrom = CdromSpec::checked(&rq.cdrom.ok_or(HostError::Lacks("the drive"))?, &host.roots)?;
        if cdrom.path.is_none() && host.domains.state(&vm).await?.is_none() {
            return Ok(kvm::LoadCdromReply {});
        }
        host.domains.load(&vm, &cdrom).await?;
        Ok(kvm::LoadCdromReply {})
    }
}
