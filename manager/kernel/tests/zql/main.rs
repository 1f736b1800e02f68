//! ZQL held against a naive evaluator, and against whatever bytes a client may send.

mod generate;
mod library;
mod model;
mod paging;
mod random;
mod shape;
