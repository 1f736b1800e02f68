CREATE TABLE "simulator_task" (
    "uuid" CHAR(32) NOT NULL,
    "vm_uuid" CHAR(32) NOT NULL,
    "host_uuid" CHAR(32) NOT NULL,
    "command" TEXT NOT NULL,
    "create_date" BIGINT NOT NULL,
    PRIMARY KEY ("uuid")
);
CREATE INDEX "ix_simulator_task_vm_uuid" ON "simulator_task" ("vm_uuid");
CREATE INDEX "ix_simulator_task_host_uuid" ON "simulator_task" ("host_uuid");
