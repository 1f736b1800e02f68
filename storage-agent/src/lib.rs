//! The agent on a backup storage host: image download, capacity, removal.
//!
//! It fetches images from where users say ([`origin`]), makes sure that each is what it is said to be, and keeps them as
//! files below one folder. Hosts fetch them from there over SFTP, and bring those that are made of their volumes by the same
//! way; that is the host's own sshd's work, not the agent's, which makes room before and looks at what came after.

mod commands;
mod config;
mod error;
mod host;
pub mod origin;
mod report;
#[cfg(feature = "sim")]
pub mod sim;
mod wanted;

pub use commands::commands;
pub use config::StorageConfig;
pub use error::StoreError;
pub use host::StorageHost;
