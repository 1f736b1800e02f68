CREATE INDEX "ix_cluster_name" ON "cluster" ("name");
