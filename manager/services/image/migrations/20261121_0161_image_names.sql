CREATE INDEX "ix_image_name" ON "image" ("name");
