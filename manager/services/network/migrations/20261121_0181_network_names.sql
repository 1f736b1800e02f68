CREATE INDEX "ix_l2_network_name" ON "l2_network" ("name");
CREATE INDEX "ix_l3_network_name" ON "l3_network" ("name");
CREATE INDEX "ix_ip_range_name" ON "ip_range" ("name");
CREATE INDEX "ix_reserved_ip_range_name" ON "reserved_ip_range" ("name");
CREATE INDEX "ix_network_service_provider_name" ON "network_service_provider" ("name");
