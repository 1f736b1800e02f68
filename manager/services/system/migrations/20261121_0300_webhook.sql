CREATE TABLE "webhook" (
    "uuid" CHAR(32) NOT NULL,
    "name" VARCHAR(255) NOT NULL,
    "description" TEXT NULL,
    "url" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "opaque" TEXT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    PRIMARY KEY ("uuid")
);
CREATE INDEX "ix_webhook_name" ON "webhook" ("name");
