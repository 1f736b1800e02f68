//! What the tests share: a few declarations made by hand, and a node that answers as it is told.

mod declarations;
pub(crate) mod node;

pub(crate) use declarations::catalog;
