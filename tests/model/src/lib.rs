//! A model of how management nodes share their work, searched exhaustively: every order of steps of up to three nodes that
//! join, look, drain, leave, are killed, pause for any time and wake, over one database and one agent, with every delay of
//! what they send, until the membership has changed a given number of times.
//!
//! # What is modelled
//!
//! `cumulo_kernel::membership` and `cluster`, the fence of the database, and the epochs of agents, step by step as their code
//! has them: a [`Step`] is what happens without anything in between. Who may start is not modelled but asked of the real rule,
//! [`decide`](cumulo_kernel::membership::decide). There is one resource: resources meet only in what a node says that it has
//! drained, which waits for all of them. A ring of one resource is some order of the nodes.
//!
//! A pause is no step of its own: time passes ([`Step::Tick`]) while a node does nothing, for as long as one likes. Clocks have
//! no common zero, and nothing compares two of them. They may run at different speeds, so that a node relies on its lease for
//! as long as the database counts it, to the tick: the longest that the code's tenth of a lease leaves room for. Messages
//! between nodes only make others look sooner, and looking can happen at any time, so there are none. What is sent to the
//! database and to the agent arrives at any time later, or never, also when its sender is dead.
//!
//! The whole at once would be billions of states. So three [`Subject`]s are searched, each with its own part in small steps and
//! the rest in larger ones.
//!
//! # What is shown
//!
//! Why no two nodes work on one resource is argued in `cumulo_kernel::membership`. Exactly, this is so:
//!
//! - [`ONE_AT_WORK`]: two nodes that both have a lease by their own clock never have work on one resource in hand. A node
//!   whose clock says that its lease is over may still be in the middle of something, a paused one most of all, and then:
//! - [`WRITES`], [`COMMANDS`]: the database and each agent do what nodes ask for a resource in the order of epochs, and what
//!   they do in one epoch is of one node. So what an old owner asked may still be done after the new one was appointed, but
//!   never after anything was done or answered for the new one. These two hold whatever clocks do.
//! - [`EPOCHS`], [`MEMBERS`]: epochs only grow, and the ring is about those who have a lease.
//! - [`OWNER`]: from every state, whoever is silent for ever, the others come to where one of them may work on the resource.
//!
//! That the model can fail is shown by leaving out one [`Guard`] after the other (`tests/`): each time the search finds how it
//! goes wrong.
//!
//! The tests search small bounds. Larger ones: `make proof NODES=3 EPOCHS=4`.

mod check;
mod guard;
mod settle;
mod state;
mod step;

pub use check::{COMMANDS, EPOCHS, Found, MEMBERS, ONE_AT_WORK, OWNER, WRITES};
pub use guard::Guard;
pub use step::{Rules, Step, Subject};
