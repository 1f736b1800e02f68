//! `RemoveUserdata`: makes sure the metadata service knows nothing of a VM.

use std::sync::Arc;

use cumulo_agent_rt::{AgentError, Command, TaskCx};
use cumulo_proto::kvm;

use crate::{KvmHost, ObjectId};

pub(super) struct RemoveUserdata;

impl Command<KvmHost> for RemoveUserdata {
    type Request = kvm::RemoveUserdata;

    fn key(rq: &Self::Request) -> String {
        super::network_key(&rq.l3_uuid)
    }

    async fn run(host: Arc<KvmHost>, rq: Self::Request, _: &TaskCx) -> Result<kvm::RemoveUserdataReply, AgentError> {
        let l3 = ObjectId::try_from(rq.l3_uuid)?;
        let vm = ObjectId::try_from(rq.vm_uuid)?;
        if let Some(mut state) = host.networks.get(&l3)
            && state.userdata.remove(&vm).is_some()
        {
            host.serve(state).await?;
        }
        Ok(kvm::RemoveUserdataReply {})
    }
}
