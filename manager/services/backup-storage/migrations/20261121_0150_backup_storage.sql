CREATE TABLE "backup_storage" (
    "uuid" CHAR(32) NOT NULL,
    "name" TEXT NOT NULL,
    "url" TEXT NOT NULL,
    "description" TEXT NULL,
    "total_capacity" BIGINT NOT NULL,
    "available_capacity" BIGINT NOT NULL,
    "type" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    PRIMARY KEY ("uuid")
);
CREATE TABLE "sftp_backup_storage" (
    "uuid" CHAR(32) NOT NULL,
    "hostname" TEXT NOT NULL,
    "username" TEXT NOT NULL,
    "ssh_port" INTEGER NOT NULL,
    "password" TEXT NOT NULL,
    "host_key" TEXT NULL,
    PRIMARY KEY ("uuid"),
    FOREIGN KEY ("uuid") REFERENCES "backup_storage" ("uuid") ON DELETE CASCADE
);
CREATE TABLE "backup_storage_zone_ref" (
    "backup_storage_uuid" CHAR(32) NOT NULL,
    "zone_uuid" CHAR(32) NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    UNIQUE ("backup_storage_uuid", "zone_uuid"),
    FOREIGN KEY ("backup_storage_uuid") REFERENCES "backup_storage" ("uuid"),
    FOREIGN KEY ("zone_uuid") REFERENCES "zone" ("uuid")
);
CREATE INDEX "ix_backup_storage_zone_ref_backup_storage_uuid" ON "backup_storage_zone_ref" ("backup_storage_uuid");
CREATE INDEX "ix_backup_storage_zone_ref_zone_uuid" ON "backup_storage_zone_ref" ("zone_uuid");
