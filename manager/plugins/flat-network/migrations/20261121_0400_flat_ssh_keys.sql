ALTER TABLE "flat_network_nic" ADD COLUMN "ssh_keys" TEXT NULL;
