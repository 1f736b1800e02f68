//! What is recorded of an SFTP backup storage beside what every backup storage has.

use cumulo_contracts::resource::SftpBackupStorage;
use cumulo_kernel::db::{Db, DbError};
use cumulo_schema::{ErrorCode, Uuid};

pub(crate) async fn get(db: &Db, storage: Uuid) -> Result<SftpBackupStorage, ErrorCode> {
    let found = db.find(SftpBackupStorage::UUID, &storage).await?;
    found.ok_or_else(|| ErrorCode::not_found("SftpBackupStorage", storage))
}

/// Records the key by which hosts recognise the machine.
pub(crate) async fn set_host_key(db: &Db, storage: Uuid, key: &Option<String>) -> Result<(), DbError> {
    let mut batch = db.batch();
    let update = batch.update::<SftpBackupStorage>().set(SftpBackupStorage::HOST_KEY, key);
    update.eq(SftpBackupStorage::UUID, &storage).any();
    db.commit(batch).await.map(drop)
}
