CREATE TABLE "account" (
    "uuid" CHAR(32) NOT NULL,
    "name" VARCHAR(255) NOT NULL,
    "description" TEXT NULL,
    "type" TEXT NOT NULL,
    "password" TEXT NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    PRIMARY KEY ("uuid"),
    UNIQUE ("name")
);
CREATE TABLE "session" (
    "uuid" CHAR(32) NOT NULL,
    "account_uuid" CHAR(32) NOT NULL,
    "user_uuid" CHAR(32) NOT NULL,
    "user_type" TEXT NULL,
    "expired_date" BIGINT NOT NULL,
    "create_date" BIGINT NOT NULL,
    "client_ip" TEXT NOT NULL,
    PRIMARY KEY ("uuid"),
    FOREIGN KEY ("account_uuid") REFERENCES "account" ("uuid")
);
CREATE INDEX "ix_session_account_uuid" ON "session" ("account_uuid");
