ALTER TABLE "garbage_collector" ADD COLUMN "waits_for" CHAR(32) NULL;
CREATE INDEX "ix_garbage_collector_waits_for" ON "garbage_collector" ("waits_for");
