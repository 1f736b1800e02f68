CREATE TABLE "long_job_part" (
    "long_job_uuid" CHAR(32) NOT NULL,
    "name" VARCHAR(255) NOT NULL,
    UNIQUE ("long_job_uuid", "name"),
    FOREIGN KEY ("long_job_uuid") REFERENCES "long_job" ("uuid")
);
CREATE INDEX "ix_long_job_part_long_job_uuid" ON "long_job_part" ("long_job_uuid");
