//! What services ask of each other. Every message may be sent twice; its comment says what asking again does.

pub mod backup_storage;
pub mod host;
pub mod image;
pub mod network;
pub mod storage;
pub mod vm;
pub mod volume;
