CREATE INDEX "ix_vm_cd_rom_name" ON "vm_cd_rom" ("name");
