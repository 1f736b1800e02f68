ALTER TABLE "api_job" ADD COLUMN "long_job_uuid" CHAR(32) NULL;
ALTER TABLE "api_job" ADD COLUMN "progress" TEXT NULL;
CREATE TABLE "long_job" (
    "uuid" CHAR(32) NOT NULL,
    "name" VARCHAR(255) NULL,
    "description" TEXT NULL,
    "api_id" CHAR(32) NOT NULL,
    "job_name" VARCHAR(255) NOT NULL,
    "job_data" TEXT NOT NULL,
    "sealed_data" TEXT NOT NULL,
    "job_result" TEXT NULL,
    "state" VARCHAR(255) NOT NULL,
    "target_resource_uuid" CHAR(32) NULL,
    "management_node_uuid" CHAR(32) NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    "execute_time" BIGINT NULL,
    PRIMARY KEY ("uuid")
);
CREATE INDEX "ix_long_job_name" ON "long_job" ("name");
CREATE INDEX "ix_long_job_api_id" ON "long_job" ("api_id");
CREATE INDEX "ix_long_job_job_name" ON "long_job" ("job_name");
CREATE INDEX "ix_long_job_state" ON "long_job" ("state");
CREATE INDEX "ix_long_job_target_resource_uuid" ON "long_job" ("target_resource_uuid");
