CREATE TABLE "vm_instance" (
    "uuid" CHAR(32) NOT NULL,
    "name" VARCHAR(255) NOT NULL,
    "description" TEXT NULL,
    "zone_uuid" CHAR(32) NULL,
    "cluster_uuid" CHAR(32) NULL,
    "image_uuid" CHAR(32) NULL,
    "host_uuid" CHAR(32) NULL,
    "last_host_uuid" CHAR(32) NULL,
    "instance_offering_uuid" CHAR(32) NULL,
    "root_volume_uuid" CHAR(32) NULL,
    "platform" TEXT NOT NULL,
    "architecture" TEXT NULL,
    "default_l3_network_uuid" CHAR(32) NULL,
    "type" TEXT NOT NULL,
    "hypervisor_type" TEXT NULL,
    "memory_size" BIGINT NOT NULL,
    "reserved_memory_size" BIGINT NULL,
    "cpu_num" INTEGER NOT NULL,
    "cpu_speed" BIGINT NOT NULL,
    "allocator_strategy" TEXT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    "state" VARCHAR(255) NOT NULL,
    "guest_os_type" TEXT NULL,
    "expunge_after" BIGINT NULL,
    PRIMARY KEY ("uuid"),
    FOREIGN KEY ("zone_uuid") REFERENCES "zone" ("uuid"),
    FOREIGN KEY ("cluster_uuid") REFERENCES "cluster" ("uuid"),
    FOREIGN KEY ("host_uuid") REFERENCES "host" ("uuid")
);
CREATE INDEX "ix_vm_instance_name" ON "vm_instance" ("name");
CREATE INDEX "ix_vm_instance_zone_uuid" ON "vm_instance" ("zone_uuid");
CREATE INDEX "ix_vm_instance_cluster_uuid" ON "vm_instance" ("cluster_uuid");
CREATE INDEX "ix_vm_instance_image_uuid" ON "vm_instance" ("image_uuid");
CREATE INDEX "ix_vm_instance_host_uuid" ON "vm_instance" ("host_uuid");
CREATE INDEX "ix_vm_instance_instance_offering_uuid" ON "vm_instance" ("instance_offering_uuid");
CREATE INDEX "ix_vm_instance_root_volume_uuid" ON "vm_instance" ("root_volume_uuid");
CREATE INDEX "ix_vm_instance_state" ON "vm_instance" ("state");
CREATE TABLE "vm_nic" (
    "uuid" CHAR(32) NOT NULL,
    "vm_instance_uuid" CHAR(32) NULL,
    "l3_network_uuid" CHAR(32) NULL,
    "ip" VARCHAR(255) NULL,
    "mac" VARCHAR(255) NOT NULL,
    "hypervisor_type" TEXT NULL,
    "netmask" TEXT NULL,
    "gateway" TEXT NULL,
    "meta_data" TEXT NULL,
    "ip_version" INTEGER NULL,
    "driver_type" TEXT NULL,
    "internal_name" TEXT NOT NULL,
    "device_id" INTEGER NOT NULL,
    "type" TEXT NULL,
    "state" TEXT NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    "used_ip_uuid" CHAR(32) NULL,
    PRIMARY KEY ("uuid"),
    UNIQUE ("mac"),
    FOREIGN KEY ("vm_instance_uuid") REFERENCES "vm_instance" ("uuid"),
    FOREIGN KEY ("l3_network_uuid") REFERENCES "l3_network" ("uuid")
);
CREATE INDEX "ix_vm_nic_vm_instance_uuid" ON "vm_nic" ("vm_instance_uuid");
CREATE INDEX "ix_vm_nic_l3_network_uuid" ON "vm_nic" ("l3_network_uuid");
CREATE INDEX "ix_vm_nic_ip" ON "vm_nic" ("ip");
CREATE TABLE "vm_cd_rom" (
    "uuid" CHAR(32) NOT NULL,
    "vm_instance_uuid" CHAR(32) NOT NULL,
    "device_id" INTEGER NOT NULL,
    "iso_uuid" CHAR(32) NULL,
    "iso_install_path" TEXT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT NULL,
    "protocol" TEXT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    PRIMARY KEY ("uuid"),
    FOREIGN KEY ("vm_instance_uuid") REFERENCES "vm_instance" ("uuid")
);
CREATE INDEX "ix_vm_cd_rom_vm_instance_uuid" ON "vm_cd_rom" ("vm_instance_uuid");
