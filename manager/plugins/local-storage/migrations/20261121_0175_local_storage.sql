CREATE TABLE "local_storage_resource_ref" (
    "resource_uuid" CHAR(32) NOT NULL,
    "primary_storage_uuid" CHAR(32) NOT NULL,
    "host_uuid" CHAR(32) NOT NULL,
    "size" BIGINT NOT NULL,
    "resource_type" TEXT NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    UNIQUE ("resource_uuid", "host_uuid"),
    FOREIGN KEY ("primary_storage_uuid") REFERENCES "primary_storage" ("uuid"),
    FOREIGN KEY ("host_uuid") REFERENCES "host" ("uuid")
);
CREATE INDEX "ix_local_storage_resource_ref_primary_storage_uuid" ON "local_storage_resource_ref" ("primary_storage_uuid");
CREATE INDEX "ix_local_storage_resource_ref_host_uuid" ON "local_storage_resource_ref" ("host_uuid");
CREATE TABLE "image_cache" (
    "id" BIGINT NOT NULL,
    "primary_storage_uuid" CHAR(32) NOT NULL,
    "image_uuid" CHAR(32) NOT NULL,
    "install_url" TEXT NOT NULL,
    "media_type" TEXT NOT NULL,
    "size" BIGINT NOT NULL,
    "md5sum" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    PRIMARY KEY ("id"),
    FOREIGN KEY ("primary_storage_uuid") REFERENCES "primary_storage" ("uuid")
);
CREATE INDEX "ix_image_cache_primary_storage_uuid" ON "image_cache" ("primary_storage_uuid");
CREATE INDEX "ix_image_cache_image_uuid" ON "image_cache" ("image_uuid");
