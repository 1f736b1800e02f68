//! Files that somebody else may write for a while: an account of the host, by way of its SFTP server.

use std::os::unix::fs::PermissionsExt as _;

use nix::unistd::{Gid, Uid, User, chown, getegid, geteuid};
use tokio::fs;

use super::{Confined, StorageError, partial::remove_file};

/// For reading by everybody, as files that the agent makes itself.
const MODE: u32 = 0o644;

/// Makes `file` an empty one that `user` may write, in place of what has its name. Its folder stays the agent's, so nothing
/// else can be put under that name.
pub(super) async fn lend(file: &Confined, user: &str) -> Result<(), StorageError> {
    file.check_links()?;
    let path = file.path();
    let dir = path.parent().unwrap_or(file.root());
    fs::create_dir_all(dir).await.map_err(StorageError::io("make the folder", dir))?;
    remove_file(path).await?;
    let none = || StorageError::NoUser { user: user.to_owned() };
    // A name with a NUL byte is one that nobody has; so is one that cannot be looked up.
    let user = User::from_name(user).ok().flatten().ok_or_else(none)?;
    let made = fs::OpenOptions::new().write(true).create_new(true).open(path).await;
    made.map_err(StorageError::io("create", path))?;
    give(file, user.uid, user.gid).await
}

/// Takes a lent file back: what was written is on the disk, and the borrower can open it no more for writing.
pub(super) async fn reclaim(file: &Confined) -> Result<(), StorageError> {
    file.check_links()?;
    let path = file.path();
    give(file, geteuid(), getegid()).await?;
    let opened = fs::File::open(path).await.map_err(StorageError::io("open", path))?;
    opened.sync_all().await.map_err(StorageError::io("sync", path))
}

async fn give(file: &Confined, user: Uid, group: Gid) -> Result<(), StorageError> {
    let path = file.path();
    chown(path, Some(user), Some(group))
        .map_err(|errno| StorageError::io("change the owner of", path)(errno.into()))?;
    let mode = std::fs::Permissions::from_mode(MODE);
    fs::set_permissions(path, mode).await.map_err(StorageError::io("change the mode of", path))
}
