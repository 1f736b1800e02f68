//! Images as clients and the volume service see them.

mod adding;
mod candidates;
mod deleting;
mod fixture;
mod interdependent;
mod using;
