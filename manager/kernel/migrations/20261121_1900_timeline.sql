CREATE TABLE "timeline" (
    "uuid" CHAR(32) NOT NULL,
    "resource_uuid" CHAR(32) NOT NULL,
    "kind" VARCHAR(255) NOT NULL,
    "trace" CHAR(32) NOT NULL,
    "name" TEXT NOT NULL,
    "account_uuid" CHAR(32) NULL,
    "node_uuid" CHAR(32) NOT NULL,
    "result" TEXT NOT NULL,
    "detail" TEXT NOT NULL,
    "start_date" BIGINT NOT NULL,
    "end_date" BIGINT NOT NULL,
    PRIMARY KEY ("uuid")
);
CREATE INDEX "ix_timeline_resource_uuid" ON "timeline" ("resource_uuid");
CREATE INDEX "ix_timeline_trace" ON "timeline" ("trace");
CREATE INDEX "ix_timeline_end_date" ON "timeline" ("end_date");
