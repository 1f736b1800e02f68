CREATE TABLE "ssh_key_pair_claim" (
    "account_uuid" CHAR(32) NOT NULL,
    "fingerprint" VARCHAR(255) NOT NULL,
    "ssh_key_pair_uuid" CHAR(32) NOT NULL,
    UNIQUE ("account_uuid", "fingerprint")
);
CREATE INDEX "ix_ssh_key_pair_claim_ssh_key_pair_uuid" ON "ssh_key_pair_claim" ("ssh_key_pair_uuid");
