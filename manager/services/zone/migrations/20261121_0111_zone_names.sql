CREATE INDEX "ix_zone_name" ON "zone" ("name");
