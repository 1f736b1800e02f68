//! `EnsureBridge`: makes a bridge with a physical interface, or a VLAN of it, as its port.

use std::sync::Arc;

use cumulo_agent_rt::{AgentError, Command, TaskCx};
use cumulo_proto::kvm;

use crate::{IfName, KvmHost};

pub(super) struct EnsureBridge;

impl Command<KvmHost> for EnsureBridge {
    type Request = kvm::EnsureBridge;

    fn key(rq: &Self::Request) -> String {
        format!("bridge/{}", rq.bridge_name)
    }

    async fn run(host: Arc<KvmHost>, rq: Self::Request, _: &TaskCx) -> Result<kvm::EnsureBridgeReply, AgentError> {
        let bridge = IfName::try_from(rq.bridge_name)?;
        let nic = IfName::try_from(rq.physical_interface)?;
        let port = match &rq.vlan {
            None => nic,
            Some(vlan) => {
                let (device, id) = super::vlan(vlan)?;
                host.network.ensure_vlan(&device, &nic, id).await?;
                device
            }
        };
        host.network.ensure_bridge(&bridge, &port, (rq.mtu > 0).then_some(rq.mtu)).await?;
        Ok(kvm::EnsureBridgeReply {})
    }
}
