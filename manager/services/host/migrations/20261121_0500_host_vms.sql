-- Where the least is running is read off an index.
ALTER TABLE "host" ADD COLUMN "vms" BIGINT NOT NULL DEFAULT 0;
UPDATE "host" SET "vms" = (SELECT COUNT(*) FROM "host_reservation" WHERE "host_uuid" = "host"."uuid");
CREATE INDEX "ix_host_vms" ON "host" ("state", "status", "vms");
