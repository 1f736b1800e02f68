CREATE TABLE "primary_storage" (
    "uuid" CHAR(32) NOT NULL,
    "zone_uuid" CHAR(32) NOT NULL,
    "name" TEXT NOT NULL,
    "url" TEXT NOT NULL,
    "description" TEXT NULL,
    "total_capacity" BIGINT NOT NULL,
    "available_capacity" BIGINT NOT NULL,
    "total_physical_capacity" BIGINT NOT NULL,
    "available_physical_capacity" BIGINT NOT NULL,
    "system_used_capacity" BIGINT NULL,
    "type" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "mount_path" TEXT NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    PRIMARY KEY ("uuid"),
    FOREIGN KEY ("zone_uuid") REFERENCES "zone" ("uuid")
);
CREATE INDEX "ix_primary_storage_zone_uuid" ON "primary_storage" ("zone_uuid");
CREATE TABLE "primary_storage_cluster_ref" (
    "primary_storage_uuid" CHAR(32) NOT NULL,
    "cluster_uuid" CHAR(32) NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    UNIQUE ("primary_storage_uuid", "cluster_uuid"),
    FOREIGN KEY ("primary_storage_uuid") REFERENCES "primary_storage" ("uuid"),
    FOREIGN KEY ("cluster_uuid") REFERENCES "cluster" ("uuid")
);
CREATE INDEX "ix_primary_storage_cluster_ref_primary_storage_uuid" ON "primary_storage_cluster_ref" ("primary_storage_uuid");
CREATE INDEX "ix_primary_storage_cluster_ref_cluster_uuid" ON "primary_storage_cluster_ref" ("cluster_uuid");
CREATE TABLE "local_storage_host_ref" (
    "primary_storage_uuid" CHAR(32) NOT NULL,
    "host_uuid" CHAR(32) NOT NULL,
    "total_capacity" BIGINT NOT NULL,
    "available_capacity" BIGINT NOT NULL,
    "total_physical_capacity" BIGINT NOT NULL,
    "available_physical_capacity" BIGINT NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    UNIQUE ("primary_storage_uuid", "host_uuid"),
    FOREIGN KEY ("primary_storage_uuid") REFERENCES "primary_storage" ("uuid"),
    FOREIGN KEY ("host_uuid") REFERENCES "host" ("uuid")
);
CREATE INDEX "ix_local_storage_host_ref_primary_storage_uuid" ON "local_storage_host_ref" ("primary_storage_uuid");
CREATE INDEX "ix_local_storage_host_ref_host_uuid" ON "local_storage_host_ref" ("host_uuid");
CREATE TABLE "storage_reservation" (
    "uuid" CHAR(32) NOT NULL,
    "primary_storage_uuid" CHAR(32) NOT NULL,
    "host_uuid" CHAR(32) NOT NULL,
    "per_host" SMALLINT NOT NULL,
    "install_path" TEXT NOT NULL,
    "size" BIGINT NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    PRIMARY KEY ("uuid"),
    FOREIGN KEY ("primary_storage_uuid") REFERENCES "primary_storage" ("uuid")
);
CREATE INDEX "ix_storage_reservation_primary_storage_uuid" ON "storage_reservation" ("primary_storage_uuid");
CREATE INDEX "ix_storage_reservation_host_uuid" ON "storage_reservation" ("host_uuid");
