CREATE INDEX "ix_primary_storage_name" ON "primary_storage" ("name");
