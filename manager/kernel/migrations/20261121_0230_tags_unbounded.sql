-- Tags carry user data, which knows no bound. SQLite enforces none, and its tables stay as they are.
-- on mariadb
DROP INDEX "ix_system_tag_tag" ON "system_tag";
-- on mariadb
ALTER TABLE "system_tag" MODIFY COLUMN "tag" TEXT NOT NULL;
-- on mariadb
CREATE INDEX "ix_system_tag_tag" ON "system_tag" ("tag");
-- on mariadb
DROP INDEX "ix_user_tag_tag" ON "user_tag";
-- on mariadb
ALTER TABLE "user_tag" MODIFY COLUMN "tag" TEXT NOT NULL;
-- on mariadb
CREATE INDEX "ix_user_tag_tag" ON "user_tag" ("tag");
