//! What outlives one run: who is logged in where. History lives beside it.
//!
//! One file per endpoint rather than one table of all, so that two shells working with two clouds never overwrite each
//! other. A file holds a live session, hence 0600 in a directory of 0700, replaced in one step.

mod keeper;
mod state_dir;

pub use keeper::{Keeper, Session};
pub use state_dir::{StateDir, StateError};
