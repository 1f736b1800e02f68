CREATE TABLE "host_ipmi_controller" (
    "host_uuid" CHAR(32) NOT NULL,
    "address" VARCHAR(255) NOT NULL,
    "port" INTEGER NOT NULL,
    PRIMARY KEY ("host_uuid"),
    UNIQUE ("address", "port")
);
INSERT INTO "host_ipmi_controller" ("host_uuid", "address", "port")
    SELECT MIN("uuid"), LOWER("ipmi_address"), "ipmi_port" FROM "host"
    WHERE "ipmi_address" IS NOT NULL AND "ipmi_port" IS NOT NULL GROUP BY LOWER("ipmi_address"), "ipmi_port";
