CREATE INDEX "ix_volume_name" ON "volume" ("name");
