CREATE TABLE "simulator_vm" (
    "vm_uuid" CHAR(32) NOT NULL,
    "host_uuid" CHAR(32) NOT NULL,
    "power" TEXT NOT NULL,
    "create_date" BIGINT NOT NULL,
    PRIMARY KEY ("vm_uuid")
);
CREATE INDEX "ix_simulator_vm_host_uuid" ON "simulator_vm" ("host_uuid");
CREATE TABLE "simulator_storage" (
    "uuid" CHAR(32) NOT NULL,
    "used" BIGINT NOT NULL,
    PRIMARY KEY ("uuid")
);
CREATE TABLE "simulator_file" (
    "uuid" CHAR(32) NOT NULL,
    "resource_uuid" CHAR(32) NOT NULL,
    "storage_uuid" CHAR(32) NOT NULL,
    "path" TEXT NOT NULL,
    "size" BIGINT NOT NULL,
    "actual_size" BIGINT NOT NULL,
    "format" TEXT NOT NULL,
    "create_date" BIGINT NOT NULL,
    PRIMARY KEY ("uuid")
);
CREATE INDEX "ix_simulator_file_resource_uuid" ON "simulator_file" ("resource_uuid");
CREATE INDEX "ix_simulator_file_storage_uuid" ON "simulator_file" ("storage_uuid");
