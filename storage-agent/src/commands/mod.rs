//! The commands, one file each. A new one is its messages in `storage.proto`, its file here and its line in
//! [`commands`].

mod accept_upload;
mod connect;
mod delete_image;
mod download_image;
mod get_capacity;
mod open_upload;

use cumulo_agent_rt::Commands;
use cumulo_proto::storage;

use crate::StorageHost;

/// All commands of the agent.
pub fn commands() -> Commands<StorageHost> {
    Commands::of_service_of::<storage::Connect>()
        .with::<connect::Connect>()
        .with::<download_image::DownloadImage>()
        .with::<open_upload::OpenUpload>()
        .with::<accept_upload::AcceptUpload>()
        .with::<delete_image::DeleteImage>()
        .with::<get_capacity::GetCapacity>()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_command_of_the_protocol_is_there() {
        let mut wanted = cumulo_proto::commands::STORAGE_AGENT_COMMANDS.to_vec();
        wanted.sort_unstable();
        assert_eq!(super::commands().names().collect::<Vec<_>>(), wanted);
    }
}
