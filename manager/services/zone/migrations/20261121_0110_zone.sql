CREATE TABLE "zone" (
    "uuid" CHAR(32) NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT NULL,
    "state" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "is_default" SMALLINT NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    PRIMARY KEY ("uuid")
);
