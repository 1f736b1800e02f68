ALTER TABLE "host" ADD COLUMN "updated_by" CHAR(32) NULL;
