//! `CheckInterface`: says whether the host has a network interface.

use std::sync::Arc;

use cumulo_agent_rt::{AgentError, Command, TaskCx};
use cumulo_proto::kvm;

use crate::{IfName, KvmHost};

pub(super) struct CheckInterface;

impl Command<KvmHost> for CheckInterface {
    type Request = kvm::CheckInterface;

    fn key(rq: &Self::Request) -> String {
        format!("interface/{}", rq.name)
    }

    async fn run(host: Arc<KvmHost>, rq: Self::Request, _: &TaskCx) -> Result<kvm::CheckInterfaceReply, AgentError> {
        let name = IfName::try_from(rq.name)?;
        let found = host.network.interface(&name).await?;
        Ok(found.map_or_else(kvm::CheckInterfaceReply::default, |interface| kvm::CheckInterfaceReply {
            exists: true,
            up: interface.up,
            bridge: interface.bridge.unwrap_or_default(),
            mtu: interface.mtu,
            mac: interface.mac,
        }))
    }
}
