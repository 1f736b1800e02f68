//! What ties a command's request to its reply and its RPC.

use std::fmt::Debug;

use prost::Message;

use crate::Header;

/// A request of an agent. Sent to [`PATH`](AgentCommand::PATH) it is answered `Accepted`; its outcome, delivered later,
/// carries an encoded [`Reply`](AgentCommand::Reply) or a `Failure`.
///
/// Implemented by `build.rs` for every command RPC, so that manager, agents and simulators agree by construction.
pub trait AgentCommand: Message + Default + Clone + Debug + 'static {
    /// The RPC's name, also the name in journals and logs: `StartVm`.
    const NAME: &'static str;
    /// The gRPC service it belongs to: `cumulo.agent.v1.kvm.KvmAgent`.
    const SERVICE: &'static str;
    /// The path of the RPC: `/cumulo.agent.v1.kvm.KvmAgent/StartVm`.
    const PATH: &'static str;
    /// What it answers when it worked.
    type Reply: Message + Default + Clone + Debug + 'static;

    /// The envelope, absent from a malformed request.
    fn header(&self) -> Option<&Header>;
    /// Puts the envelope on.
    fn set_header(&mut self, header: Header);
}
