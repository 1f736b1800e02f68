CREATE TABLE "access_key" (
    "uuid" CHAR(32) NOT NULL,
    "description" TEXT NULL,
    "account_uuid" CHAR(32) NOT NULL,
    "user_uuid" CHAR(32) NOT NULL,
    "access_key_id" VARCHAR(255) NOT NULL,
    "access_key_secret" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "made_by" CHAR(32) NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    PRIMARY KEY ("uuid"),
    UNIQUE ("access_key_id"),
    FOREIGN KEY ("account_uuid") REFERENCES "account" ("uuid")
);
CREATE INDEX "ix_access_key_account_uuid" ON "access_key" ("account_uuid");
