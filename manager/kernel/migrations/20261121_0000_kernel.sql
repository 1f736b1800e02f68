CREATE TABLE "account_resource_ref" (
    "account_uuid" CHAR(32) NOT NULL,
    "resource_uuid" CHAR(32) NOT NULL,
    "resource_type" TEXT NOT NULL,
    "concrete_resource_type" TEXT NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    UNIQUE ("resource_uuid", "account_uuid")
);
CREATE INDEX "ix_account_resource_ref_account_uuid" ON "account_resource_ref" ("account_uuid");
CREATE TABLE "system_tag" (
    "inherent" SMALLINT NOT NULL,
    "uuid" CHAR(32) NOT NULL,
    "resource_uuid" CHAR(32) NOT NULL,
    "resource_type" TEXT NOT NULL,
    "tag" VARCHAR(255) NOT NULL,
    "type" TEXT NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    PRIMARY KEY ("uuid")
);
CREATE INDEX "ix_system_tag_resource_uuid" ON "system_tag" ("resource_uuid");
CREATE INDEX "ix_system_tag_tag" ON "system_tag" ("tag");
CREATE TABLE "user_tag" (
    "tag_pattern_uuid" CHAR(32) NULL,
    "uuid" CHAR(32) NOT NULL,
    "resource_uuid" CHAR(32) NOT NULL,
    "resource_type" TEXT NOT NULL,
    "tag" VARCHAR(255) NOT NULL,
    "type" TEXT NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    PRIMARY KEY ("uuid")
);
CREATE INDEX "ix_user_tag_resource_uuid" ON "user_tag" ("resource_uuid");
CREATE INDEX "ix_user_tag_tag" ON "user_tag" ("tag");
CREATE TABLE "global_config" (
    "id" BIGINT NOT NULL,
    "name" VARCHAR(255) NOT NULL,
    "category" VARCHAR(255) NOT NULL,
    "description" TEXT NOT NULL,
    "default_value" TEXT NOT NULL,
    "value" TEXT NOT NULL,
    PRIMARY KEY ("id"),
    UNIQUE ("category", "name")
);
CREATE INDEX "ix_global_config_name" ON "global_config" ("name");
CREATE INDEX "ix_global_config_category" ON "global_config" ("category");
CREATE TABLE "garbage_collector" (
    "uuid" CHAR(32) NOT NULL,
    "name" TEXT NOT NULL,
    "runner_class" TEXT NOT NULL,
    "context" TEXT NOT NULL,
    "status" VARCHAR(255) NOT NULL,
    "management_node_uuid" CHAR(32) NULL,
    "type" TEXT NOT NULL,
    "resource_uuid" CHAR(32) NOT NULL,
    "last_error" TEXT NOT NULL,
    "attempts" BIGINT NOT NULL,
    "next_try" BIGINT NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    PRIMARY KEY ("uuid")
);
CREATE INDEX "ix_garbage_collector_status" ON "garbage_collector" ("status");
CREATE INDEX "ix_garbage_collector_resource_uuid" ON "garbage_collector" ("resource_uuid");
CREATE TABLE "management_node" (
    "uuid" CHAR(32) NOT NULL,
    "host_name" TEXT NOT NULL,
    "join_date" BIGINT NOT NULL,
    "heart_beat" BIGINT NOT NULL,
    PRIMARY KEY ("uuid")
);
CREATE TABLE "flow" (
    "uuid" CHAR(32) NOT NULL,
    "flow" TEXT NOT NULL,
    "chain" TEXT NOT NULL,
    "version" INTEGER NOT NULL,
    "resource_uuid" CHAR(32) NOT NULL,
    "job_uuid" CHAR(32) NULL,
    "node_uuid" CHAR(32) NOT NULL,
    "state" VARCHAR(255) NOT NULL,
    "phase" TEXT NOT NULL,
    "step" TEXT NOT NULL,
    "context" TEXT NOT NULL,
    "error" TEXT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    PRIMARY KEY ("uuid")
);
CREATE INDEX "ix_flow_resource_uuid" ON "flow" ("resource_uuid");
CREATE INDEX "ix_flow_job_uuid" ON "flow" ("job_uuid");
CREATE INDEX "ix_flow_state" ON "flow" ("state");
CREATE TABLE "api_job" (
    "uuid" CHAR(32) NOT NULL,
    "api" TEXT NOT NULL,
    "account_uuid" CHAR(32) NOT NULL,
    "session_uuid" CHAR(32) NULL,
    "client_ip" TEXT NOT NULL,
    "state" VARCHAR(255) NOT NULL,
    "params" TEXT NULL,
    "result" TEXT NULL,
    "web_hook" TEXT NULL,
    "with_schema" SMALLINT NOT NULL,
    "timeout_ms" BIGINT NOT NULL,
    "node_uuid" CHAR(32) NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    PRIMARY KEY ("uuid")
);
CREATE INDEX "ix_api_job_account_uuid" ON "api_job" ("account_uuid");
CREATE INDEX "ix_api_job_state" ON "api_job" ("state");
CREATE INDEX "ix_api_job_node_uuid" ON "api_job" ("node_uuid");
