CREATE TABLE "image" (
    "uuid" CHAR(32) NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT NULL,
    "state" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "size" BIGINT NOT NULL,
    "actual_size" BIGINT NOT NULL,
    "md5_sum" TEXT NULL,
    "url" TEXT NOT NULL,
    "media_type" TEXT NOT NULL,
    "guest_os_type" TEXT NULL,
    "type" TEXT NOT NULL,
    "platform" TEXT NULL,
    "architecture" TEXT NULL,
    "format" TEXT NOT NULL,
    "system" SMALLINT NOT NULL,
    "virtio" SMALLINT NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    "sha256" TEXT NULL,
    PRIMARY KEY ("uuid")
);
CREATE TABLE "image_backup_storage_ref" (
    "image_uuid" CHAR(32) NOT NULL,
    "backup_storage_uuid" CHAR(32) NOT NULL,
    "install_path" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "export_md5_sum" TEXT NULL,
    "export_url" TEXT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    UNIQUE ("image_uuid", "backup_storage_uuid"),
    FOREIGN KEY ("image_uuid") REFERENCES "image" ("uuid"),
    FOREIGN KEY ("backup_storage_uuid") REFERENCES "backup_storage" ("uuid")
);
CREATE INDEX "ix_image_backup_storage_ref_image_uuid" ON "image_backup_storage_ref" ("image_uuid");
CREATE INDEX "ix_image_backup_storage_ref_backup_storage_uuid" ON "image_backup_storage_ref" ("backup_storage_uuid");
