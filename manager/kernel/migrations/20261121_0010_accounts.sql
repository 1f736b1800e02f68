CREATE TABLE "shared_resource" (
    "uuid" CHAR(32) NOT NULL,
    "owner_account_uuid" CHAR(32) NOT NULL,
    "receiver_account_uuid" CHAR(32) NULL,
    "to_public" SMALLINT NOT NULL,
    "resource_type" TEXT NOT NULL,
    "resource_uuid" CHAR(32) NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    PRIMARY KEY ("uuid")
);
CREATE INDEX "ix_shared_resource_owner_account_uuid" ON "shared_resource" ("owner_account_uuid");
CREATE INDEX "ix_shared_resource_receiver_account_uuid" ON "shared_resource" ("receiver_account_uuid");
CREATE INDEX "ix_shared_resource_to_public" ON "shared_resource" ("to_public");
CREATE INDEX "ix_shared_resource_resource_uuid" ON "shared_resource" ("resource_uuid");
CREATE TABLE "quota" (
    "uuid" CHAR(32) NOT NULL,
    "name" VARCHAR(255) NOT NULL,
    "identity_uuid" CHAR(32) NOT NULL,
    "identity_type" TEXT NOT NULL,
    "value" BIGINT NOT NULL,
    "free" BIGINT NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    PRIMARY KEY ("uuid"),
    UNIQUE ("identity_uuid", "name")
);
CREATE INDEX "ix_quota_name" ON "quota" ("name");
CREATE TABLE "quota_claim" (
    "resource_uuid" CHAR(32) NOT NULL,
    "name" VARCHAR(255) NOT NULL,
    "quota_uuid" CHAR(32) NOT NULL,
    "amount" BIGINT NOT NULL,
    UNIQUE ("resource_uuid", "name")
);
CREATE INDEX "ix_quota_claim_quota_uuid" ON "quota_claim" ("quota_uuid");
