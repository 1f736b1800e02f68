CREATE TABLE "simulator_host" (
    "uuid" CHAR(32) NOT NULL,
    "memory_capacity" BIGINT NOT NULL,
    "cpu_capacity" BIGINT NOT NULL,
    PRIMARY KEY ("uuid"),
    FOREIGN KEY ("uuid") REFERENCES "host" ("uuid") ON DELETE CASCADE
);
