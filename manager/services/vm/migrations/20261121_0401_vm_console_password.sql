CREATE TABLE "vm_console_password" (
    "vm_uuid" CHAR(32) NOT NULL,
    "sealed" TEXT NOT NULL,
    PRIMARY KEY ("vm_uuid")
);
