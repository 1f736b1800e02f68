CREATE TABLE "volume" (
    "uuid" CHAR(32) NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT NULL,
    "primary_storage_uuid" CHAR(32) NULL,
    "vm_instance_uuid" CHAR(32) NULL,
    "disk_offering_uuid" CHAR(32) NULL,
    "root_image_uuid" CHAR(32) NULL,
    "install_path" TEXT NULL,
    "type" TEXT NOT NULL,
    "format" TEXT NULL,
    "size" BIGINT NOT NULL,
    "actual_size" BIGINT NULL,
    "device_id" INTEGER NULL,
    "state" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    "is_shareable" SMALLINT NOT NULL,
    "volume_qos" TEXT NULL,
    "last_detach_date" BIGINT NULL,
    "last_vm_instance_uuid" CHAR(32) NULL,
    "last_attach_date" BIGINT NULL,
    "protocol" TEXT NULL,
    PRIMARY KEY ("uuid"),
    FOREIGN KEY ("primary_storage_uuid") REFERENCES "primary_storage" ("uuid")
);
CREATE INDEX "ix_volume_primary_storage_uuid" ON "volume" ("primary_storage_uuid");
CREATE INDEX "ix_volume_vm_instance_uuid" ON "volume" ("vm_instance_uuid");
CREATE INDEX "ix_volume_disk_offering_uuid" ON "volume" ("disk_offering_uuid");
CREATE INDEX "ix_volume_root_image_uuid" ON "volume" ("root_image_uuid");
