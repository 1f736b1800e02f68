//! `EnsureUserdata`: sets what the metadata service tells one VM.

use std::sync::Arc;

use cumulo_agent_rt::{AgentError, Command, TaskCx};
use cumulo_proto::kvm;

use crate::{HostError, KvmHost, ObjectId, dhcp::UserdataEntry};

pub(super) struct EnsureUserdata;

impl Command<KvmHost> for EnsureUserdata {
    type Request = kvm::EnsureUserdata;

    fn key(rq: &Self::Request) -> String {
        super::network_key(&rq.l3_uuid)
    }

    async fn run(host: Arc<KvmHost>, rq: Self::Request, _: &TaskCx) -> Result<kvm::EnsureUserdataReply, AgentError> {
        let l3 = ObjectId::try_from(rq.l3_uuid)?;
        let entry = rq.entry.as_ref().ok_or(HostError::Lacks("the entry"))?;
        let (vm, entry) = UserdataEntry::checked(entry)?;
        let mut state = host.networks.get(&l3).ok_or_else(|| HostError::NoDhcp { l3: l3.to_string() })?;
        state.userdata.retain(|other, e| *other == vm || e.ip != entry.ip);
        state.userdata.insert(vm, entry);
        host.serve(state).await?;
        Ok(kvm::EnsureUserdataReply {})
    }
}
