CREATE TABLE "host_ipmi_password" (
    "host_uuid" CHAR(32) NOT NULL,
    "sealed" TEXT NOT NULL,
    PRIMARY KEY ("host_uuid")
);
