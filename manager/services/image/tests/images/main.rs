//! Images as clients and the volume service see them.

mod adding;
mod deleting;
mod fixture;
mod interdependent;
mod using;
