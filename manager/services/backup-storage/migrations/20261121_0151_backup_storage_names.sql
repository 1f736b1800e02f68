CREATE INDEX "ix_backup_storage_name" ON "backup_storage" ("name");
