CREATE INDEX "ix_resource_config_name" ON "resource_config" ("name");
