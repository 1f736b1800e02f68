//! `RemoveBridge`: takes a bridge away, and the VLAN that was its port.

use std::sync::Arc;

use cumulo_agent_rt::{AgentError, Command, TaskCx};
use cumulo_proto::kvm;

use crate::{IfName, KvmHost};

pub(super) struct RemoveBridge;

impl Command<KvmHost> for RemoveBridge {
    type Request = kvm::RemoveBridge;

    fn key(rq: &Self::Request) -> String {
        format!("bridge/{}", rq.bridge_name)
    }

    async fn run(host: Arc<KvmHost>, rq: Self::Request, _: &TaskCx) -> Result<kvm::RemoveBridgeReply, AgentError> {
        let bridge = IfName::try_from(rq.bridge_name)?;
        let nic = IfName::try_from(rq.physical_interface)?;
        match &rq.vlan {
            None => host.network.remove_bridge(&bridge, &nic).await?,
            Some(vlan) => {
                let (device, _) = super::vlan(vlan)?;
                host.network.remove_bridge(&bridge, &device).await?;
                host.network.remove_vlan(&device).await?;
            }
        }
        Ok(kvm::RemoveBridgeReply {})
    }
}
