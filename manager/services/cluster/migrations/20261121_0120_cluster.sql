CREATE TABLE "cluster" (
    "name" TEXT NOT NULL,
    "uuid" CHAR(32) NOT NULL,
    "description" TEXT NULL,
    "state" TEXT NOT NULL,
    "hypervisor_type" TEXT NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    "zone_uuid" CHAR(32) NOT NULL,
    "type" TEXT NOT NULL,
    "architecture" TEXT NULL,
    PRIMARY KEY ("uuid"),
    FOREIGN KEY ("zone_uuid") REFERENCES "zone" ("uuid")
);
CREATE INDEX "ix_cluster_zone_uuid" ON "cluster" ("zone_uuid");
