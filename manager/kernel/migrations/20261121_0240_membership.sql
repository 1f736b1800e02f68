CREATE TABLE "node_lease" (
    "node_uuid" CHAR(32) NOT NULL,
    "incarnation" CHAR(32) NOT NULL,
    "host_name" TEXT NOT NULL,
    "lease_until" BIGINT NOT NULL,
    "adopted" BIGINT NOT NULL,
    "drained" BIGINT NOT NULL,
    "join_date" BIGINT NOT NULL,
    PRIMARY KEY ("node_uuid")
);
CREATE TABLE "ring_epoch" (
    "epoch" BIGINT NOT NULL,
    "members" TEXT NOT NULL,
    "create_date" BIGINT NOT NULL,
    PRIMARY KEY ("epoch")
);
