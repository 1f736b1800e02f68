CREATE TABLE "flat_network_nic" (
    "nic_uuid" CHAR(32) NOT NULL,
    "vm_uuid" CHAR(32) NOT NULL,
    "host_uuid" CHAR(32) NOT NULL,
    "l3_network_uuid" CHAR(32) NOT NULL,
    "mac" TEXT NOT NULL,
    "ip" TEXT NOT NULL,
    "hostname" TEXT NULL,
    "user_data" TEXT NULL,
    "default_route" SMALLINT NOT NULL,
    "dhcp" SMALLINT NOT NULL,
    "metadata" SMALLINT NOT NULL,
    "create_date" BIGINT NOT NULL,
    PRIMARY KEY ("nic_uuid")
);
CREATE INDEX "ix_flat_network_nic_host_uuid" ON "flat_network_nic" ("host_uuid");
CREATE INDEX "ix_flat_network_nic_l3_network_uuid" ON "flat_network_nic" ("l3_network_uuid");
