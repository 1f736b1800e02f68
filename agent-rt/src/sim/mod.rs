//! What simulated agents share: an in-process link to a runtime, and faults on it.
//!
//! A simulated agent runs the same commands under the same runtime as a real one; only the doors to the machine and the
//! wire are replaced. The wire here is a function call, but one that can lose the request, the reply or both, fail a
//! command before or after it took effect, and delay it.
//!
//! The other end is here too, for tests of agents without a manager: [`Inbox`] sends commands and waits for their
//! outcomes, over the function call or over TLS with certificates of an [`Authority`].

mod authority;
mod command;
mod faults;
mod inbox;
mod link;
mod notebook;
mod setting;

pub use authority::{Authority, Issued};
pub use command::faulty;
pub use faults::{Call, Fault, Faults, On};
pub use inbox::{CallError, Inbox};
pub use link::{LossyCallbacks, SimLink};
pub use notebook::Notebook;
pub use setting::{Opened, Setting};
