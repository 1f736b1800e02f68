CREATE INDEX "ix_host_name" ON "host" ("name");
