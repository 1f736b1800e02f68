CREATE TABLE "l2_network" (
    "uuid" CHAR(32) NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT NULL,
    "zone_uuid" CHAR(32) NOT NULL,
    "physical_interface" TEXT NULL,
    "type" TEXT NOT NULL,
    "v_switch_type" TEXT NOT NULL,
    "virtual_network_id" INTEGER NOT NULL,
    "isolated" SMALLINT NULL,
    "pvlan" TEXT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    PRIMARY KEY ("uuid"),
    FOREIGN KEY ("zone_uuid") REFERENCES "zone" ("uuid")
);
CREATE INDEX "ix_l2_network_zone_uuid" ON "l2_network" ("zone_uuid");
CREATE TABLE "l2_vlan_network" (
    "uuid" CHAR(32) NOT NULL,
    "vlan" INTEGER NOT NULL,
    PRIMARY KEY ("uuid"),
    FOREIGN KEY ("uuid") REFERENCES "l2_network" ("uuid") ON DELETE CASCADE
);
CREATE TABLE "l2_network_cluster_ref" (
    "l2_network_uuid" CHAR(32) NOT NULL,
    "cluster_uuid" CHAR(32) NOT NULL,
    "l2_provider_type" TEXT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    UNIQUE ("l2_network_uuid", "cluster_uuid"),
    FOREIGN KEY ("l2_network_uuid") REFERENCES "l2_network" ("uuid"),
    FOREIGN KEY ("cluster_uuid") REFERENCES "cluster" ("uuid")
);
CREATE INDEX "ix_l2_network_cluster_ref_l2_network_uuid" ON "l2_network_cluster_ref" ("l2_network_uuid");
CREATE INDEX "ix_l2_network_cluster_ref_cluster_uuid" ON "l2_network_cluster_ref" ("cluster_uuid");
CREATE TABLE "l3_network" (
    "uuid" CHAR(32) NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT NULL,
    "type" TEXT NOT NULL,
    "zone_uuid" CHAR(32) NOT NULL,
    "l2_network_uuid" CHAR(32) NOT NULL,
    "state" TEXT NOT NULL,
    "dns_domain" TEXT NULL,
    "system" SMALLINT NOT NULL,
    "category" TEXT NOT NULL,
    "ip_version" INTEGER NOT NULL,
    "enable_ipam" SMALLINT NOT NULL,
    "isolated" SMALLINT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    PRIMARY KEY ("uuid"),
    FOREIGN KEY ("zone_uuid") REFERENCES "zone" ("uuid"),
    FOREIGN KEY ("l2_network_uuid") REFERENCES "l2_network" ("uuid")
);
CREATE INDEX "ix_l3_network_zone_uuid" ON "l3_network" ("zone_uuid");
CREATE INDEX "ix_l3_network_l2_network_uuid" ON "l3_network" ("l2_network_uuid");
CREATE TABLE "l3_network_dns" (
    "l3_network_uuid" CHAR(32) NOT NULL,
    "dns" VARCHAR(255) NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    UNIQUE ("l3_network_uuid", "dns"),
    FOREIGN KEY ("l3_network_uuid") REFERENCES "l3_network" ("uuid")
);
CREATE INDEX "ix_l3_network_dns_l3_network_uuid" ON "l3_network_dns" ("l3_network_uuid");
CREATE INDEX "ix_l3_network_dns_dns" ON "l3_network_dns" ("dns");
CREATE TABLE "l3_network_host_route" (
    "id" BIGINT NOT NULL,
    "l3_network_uuid" CHAR(32) NOT NULL,
    "prefix" VARCHAR(255) NOT NULL,
    "nexthop" TEXT NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    PRIMARY KEY ("id"),
    UNIQUE ("l3_network_uuid", "prefix"),
    FOREIGN KEY ("l3_network_uuid") REFERENCES "l3_network" ("uuid")
);
CREATE INDEX "ix_l3_network_host_route_l3_network_uuid" ON "l3_network_host_route" ("l3_network_uuid");
CREATE INDEX "ix_l3_network_host_route_prefix" ON "l3_network_host_route" ("prefix");
CREATE TABLE "ip_range" (
    "uuid" CHAR(32) NOT NULL,
    "l3_network_uuid" CHAR(32) NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT NULL,
    "start_ip" TEXT NOT NULL,
    "end_ip" TEXT NOT NULL,
    "netmask" TEXT NOT NULL,
    "gateway" TEXT NOT NULL,
    "network_cidr" TEXT NOT NULL,
    "ip_version" INTEGER NOT NULL,
    "address_mode" TEXT NULL,
    "prefix_len" INTEGER NOT NULL,
    "ip_range_type" TEXT NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    PRIMARY KEY ("uuid"),
    FOREIGN KEY ("l3_network_uuid") REFERENCES "l3_network" ("uuid")
);
CREATE INDEX "ix_ip_range_l3_network_uuid" ON "ip_range" ("l3_network_uuid");
CREATE TABLE "used_ip" (
    "uuid" CHAR(32) NOT NULL,
    "ip_range_uuid" CHAR(32) NULL,
    "l3_network_uuid" CHAR(32) NOT NULL,
    "ip_version" INTEGER NOT NULL,
    "ip" VARCHAR(255) NOT NULL,
    "netmask" TEXT NOT NULL,
    "gateway" TEXT NULL,
    "used_for" TEXT NULL,
    "ip_in_long" BIGINT NOT NULL,
    "vm_nic_uuid" CHAR(32) NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    PRIMARY KEY ("uuid"),
    UNIQUE ("l3_network_uuid", "ip"),
    FOREIGN KEY ("ip_range_uuid") REFERENCES "ip_range" ("uuid"),
    FOREIGN KEY ("l3_network_uuid") REFERENCES "l3_network" ("uuid")
);
CREATE INDEX "ix_used_ip_ip_range_uuid" ON "used_ip" ("ip_range_uuid");
CREATE INDEX "ix_used_ip_l3_network_uuid" ON "used_ip" ("l3_network_uuid");
CREATE INDEX "ix_used_ip_ip" ON "used_ip" ("ip");
CREATE INDEX "ix_used_ip_vm_nic_uuid" ON "used_ip" ("vm_nic_uuid");
CREATE TABLE "reserved_ip_range" (
    "uuid" CHAR(32) NOT NULL,
    "l3_network_uuid" CHAR(32) NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT NULL,
    "start_ip" TEXT NOT NULL,
    "end_ip" TEXT NOT NULL,
    "ip_version" INTEGER NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    PRIMARY KEY ("uuid"),
    FOREIGN KEY ("l3_network_uuid") REFERENCES "l3_network" ("uuid")
);
CREATE INDEX "ix_reserved_ip_range_l3_network_uuid" ON "reserved_ip_range" ("l3_network_uuid");
CREATE TABLE "network_service_provider" (
    "uuid" CHAR(32) NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    PRIMARY KEY ("uuid")
);
CREATE TABLE "network_service_type" (
    "network_service_provider_uuid" CHAR(32) NOT NULL,
    "type" TEXT NOT NULL,
    FOREIGN KEY ("network_service_provider_uuid") REFERENCES "network_service_provider" ("uuid")
);
CREATE INDEX "ix_network_service_type_network_service_provider_uuid" ON "network_service_type" ("network_service_provider_uuid");
CREATE TABLE "network_service_provider_l2_network_ref" (
    "network_service_provider_uuid" CHAR(32) NOT NULL,
    "l2_network_uuid" CHAR(32) NOT NULL,
    UNIQUE ("network_service_provider_uuid", "l2_network_uuid"),
    FOREIGN KEY ("network_service_provider_uuid") REFERENCES "network_service_provider" ("uuid"),
    FOREIGN KEY ("l2_network_uuid") REFERENCES "l2_network" ("uuid")
);
CREATE INDEX "ix_network_service_provider_l2_network_ref_provider" ON "network_service_provider_l2_network_ref" ("network_service_provider_uuid");
CREATE INDEX "ix_network_service_provider_l2_network_ref_l2" ON "network_service_provider_l2_network_ref" ("l2_network_uuid");
CREATE TABLE "network_service_l3_network_ref" (
    "l3_network_uuid" CHAR(32) NOT NULL,
    "network_service_provider_uuid" CHAR(32) NOT NULL,
    "network_service_type" VARCHAR(255) NOT NULL,
    UNIQUE ("l3_network_uuid", "network_service_type"),
    FOREIGN KEY ("l3_network_uuid") REFERENCES "l3_network" ("uuid"),
    FOREIGN KEY ("network_service_provider_uuid") REFERENCES "network_service_provider" ("uuid")
);
CREATE INDEX "ix_network_service_l3_network_ref_l3_network_uuid" ON "network_service_l3_network_ref" ("l3_network_uuid");
CREATE INDEX "ix_network_service_l3_network_ref_provider" ON "network_service_l3_network_ref" ("network_service_provider_uuid");
CREATE INDEX "ix_network_service_l3_network_ref_network_service_type" ON "network_service_l3_network_ref" ("network_service_type");
