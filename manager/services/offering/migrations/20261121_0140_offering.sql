CREATE TABLE "instance_offering" (
    "uuid" CHAR(32) NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT NULL,
    "cpu_num" INTEGER NOT NULL,
    "cpu_speed" INTEGER NOT NULL,
    "memory_size" BIGINT NOT NULL,
    "reserved_memory_size" BIGINT NOT NULL,
    "type" TEXT NOT NULL,
    "allocator_strategy" TEXT NOT NULL,
    "sort_key" INTEGER NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    "state" TEXT NOT NULL,
    PRIMARY KEY ("uuid")
);
CREATE TABLE "disk_offering" (
    "uuid" CHAR(32) NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT NULL,
    "disk_size" BIGINT NOT NULL,
    "sort_key" INTEGER NOT NULL,
    "state" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    "allocator_strategy" TEXT NOT NULL,
    PRIMARY KEY ("uuid")
);
