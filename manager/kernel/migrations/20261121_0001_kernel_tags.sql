CREATE TABLE "tag_pattern" (
    "uuid" CHAR(32) NOT NULL,
    "name" VARCHAR(255) NOT NULL,
    "value" TEXT NOT NULL,
    "description" TEXT NULL,
    "color" TEXT NULL,
    "type" TEXT NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    PRIMARY KEY ("uuid")
);
CREATE INDEX "ix_tag_pattern_name" ON "tag_pattern" ("name");
CREATE TABLE "resource_config" (
    "uuid" CHAR(32) NOT NULL,
    "resource_uuid" CHAR(32) NOT NULL,
    "resource_type" TEXT NOT NULL,
    "name" VARCHAR(255) NOT NULL,
    "description" TEXT NOT NULL,
    "category" VARCHAR(255) NOT NULL,
    "value" TEXT NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    PRIMARY KEY ("uuid"),
    UNIQUE ("resource_uuid", "category", "name")
);
CREATE INDEX "ix_user_tag_tag_pattern_uuid" ON "user_tag" ("tag_pattern_uuid");
