CREATE INDEX "ix_instance_offering_name" ON "instance_offering" ("name");
CREATE INDEX "ix_disk_offering_name" ON "disk_offering" ("name");
