CREATE TABLE "ssh_key_pair" (
    "uuid" CHAR(32) NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT NULL,
    "public_key" TEXT NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    PRIMARY KEY ("uuid")
);
CREATE INDEX "ix_ssh_key_pair_name" ON "ssh_key_pair" ("name");
CREATE TABLE "ssh_key_pair_ref" (
    "ssh_key_pair_uuid" CHAR(32) NOT NULL,
    "vm_instance_uuid" CHAR(32) NOT NULL,
    "create_date" BIGINT NOT NULL,
    "last_op_date" BIGINT NOT NULL,
    UNIQUE ("ssh_key_pair_uuid", "vm_instance_uuid"),
    FOREIGN KEY ("ssh_key_pair_uuid") REFERENCES "ssh_key_pair" ("uuid"),
    FOREIGN KEY ("vm_instance_uuid") REFERENCES "vm_instance" ("uuid")
);
CREATE INDEX "ix_ssh_key_pair_ref_ssh_key_pair_uuid" ON "ssh_key_pair_ref" ("ssh_key_pair_uuid");
CREATE INDEX "ix_ssh_key_pair_ref_vm_instance_uuid" ON "ssh_key_pair_ref" ("vm_instance_uuid");
