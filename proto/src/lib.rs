//! Agent commands and reports as protobuf, and the types generated from them.
//!
//! The `.proto` files in `proto/` are the contract between manager and agents; nothing in this crate is written by
//! hand except what protobuf cannot say: which reply belongs to which command ([`AgentCommand`], one implementation per
//! command RPC, written by `build.rs` from the descriptors) and how messages that carry secrets print themselves.
//! Common messages are at the root, each agent's commands in [`kvm`] and [`storage`].

mod command;
mod secret;

pub use command::AgentCommand;
pub use generated::cumulo::agent::v1::*;

#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, reason = "generated from the .proto files")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/cumulo.rs"));
}

/// The names of the commands of each agent.
pub mod commands {
    include!(concat!(env!("OUT_DIR"), "/commands.rs"));
}
