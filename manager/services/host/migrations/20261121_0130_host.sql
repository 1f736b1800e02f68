CREATE TABLE "host" (
    "zone_uuid" CHAR(32) NOT NULL,
    "name" TEXT NOT NULL,
    "uuid" CHAR(32) NOT NULL,
    "cluster_uuid" CHAR(32) NOT NULL,
    "description" TEXT NULL,
    "management_ip" VARCHAR(255) NOT NULL,
    "hypervisor_type" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "total_cpu_capacity" BIGINT NOT NULL,
    "available_cpu_capacity" BIGINT NOT NULL,
    "cpu_sockets" INTEGER NOT NULL,
    "total_memory_capacity" BIGINT NOT NULL,
    "available_memory_capacity" BIGINT NOT NULL,
    "cpu_num" INTEGER NOT NULL,
    "ipmi_address" TEXT NULL,
    "ipmi_username" TEXT NULL,
    "ipmi_port" INTEGER NULL,
    "ipmi_power_status" TEXT NULL,
    "architecture" TEXT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    "cpu_mhz" BIGINT NOT NULL,
    "physical_memory" BIGINT NOT NULL,
    "used_memory" BIGINT NOT NULL,
    "reserved_memory" BIGINT NOT NULL,
    "facts" TEXT NOT NULL,
    PRIMARY KEY ("uuid"),
    FOREIGN KEY ("zone_uuid") REFERENCES "zone" ("uuid"),
    FOREIGN KEY ("cluster_uuid") REFERENCES "cluster" ("uuid")
);
CREATE INDEX "ix_host_zone_uuid" ON "host" ("zone_uuid");
CREATE INDEX "ix_host_cluster_uuid" ON "host" ("cluster_uuid");
CREATE INDEX "ix_host_management_ip" ON "host" ("management_ip");
CREATE TABLE "kvm_host" (
    "uuid" CHAR(32) NOT NULL,
    "username" TEXT NOT NULL,
    "password" TEXT NOT NULL,
    "ssh_port" INTEGER NOT NULL,
    "os_distribution" TEXT NULL,
    "os_release" TEXT NULL,
    "os_version" TEXT NULL,
    "host_key" TEXT NULL,
    "agent_port" INTEGER NOT NULL,
    PRIMARY KEY ("uuid"),
    FOREIGN KEY ("uuid") REFERENCES "host" ("uuid") ON DELETE CASCADE
);
CREATE TABLE "host_reservation" (
    "vm_uuid" CHAR(32) NOT NULL,
    "host_uuid" CHAR(32) NOT NULL,
    "cpu" BIGINT NOT NULL,
    "memory" BIGINT NOT NULL,
    "create_date" BIGINT NOT NULL,
    PRIMARY KEY ("vm_uuid"),
    FOREIGN KEY ("host_uuid") REFERENCES "host" ("uuid")
);
CREATE INDEX "ix_host_reservation_host_uuid" ON "host_reservation" ("host_uuid");
