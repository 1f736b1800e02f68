CREATE TABLE "turn" (
    "key_uuid" CHAR(32) NOT NULL,
    "node_uuid" CHAR(32) NOT NULL,
    "incarnation" CHAR(32) NOT NULL,
    "token" CHAR(32) NOT NULL,
    "create_date" BIGINT NOT NULL,
    PRIMARY KEY ("key_uuid")
);
