ALTER TABLE "image_cache" ADD COLUMN "host_uuid" CHAR(32) NULL;
UPDATE "image_cache" SET "host_uuid" = SUBSTR("install_url", INSTR("install_url", ';hostUuid://') + 12);
CREATE INDEX "ix_image_cache_host_uuid" ON "image_cache" ("host_uuid");
