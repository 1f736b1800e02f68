CREATE TABLE IF NOT EXISTS subject (
    id INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    uuid BLOB NOT NULL UNIQUE,
    seen INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS fresh (id INTEGER PRIMARY KEY, host BLOB NOT NULL, time INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS ix_fresh_host ON fresh (host, time);
CREATE INDEX IF NOT EXISTS ix_fresh_time ON fresh (time);
-- On which hosts a VM was measured of late.
CREATE TABLE IF NOT EXISTS place (subject BLOB NOT NULL, host BLOB NOT NULL, PRIMARY KEY (subject, host)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ix_place_host ON place (host);
CREATE TABLE IF NOT EXISTS raw (id INTEGER PRIMARY KEY, subject INTEGER NOT NULL, start INTEGER NOT NULL, body BLOB NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS ux_raw ON raw (subject, start);
CREATE INDEX IF NOT EXISTS ix_raw_start ON raw (start);
CREATE TABLE IF NOT EXISTS minute (id INTEGER PRIMARY KEY, subject INTEGER NOT NULL, start INTEGER NOT NULL, body BLOB NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS ux_minute ON minute (subject, start);
CREATE INDEX IF NOT EXISTS ix_minute_start ON minute (start);
CREATE TABLE IF NOT EXISTS five (id INTEGER PRIMARY KEY, subject INTEGER NOT NULL, start INTEGER NOT NULL, body BLOB NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS ux_five ON five (subject, start);
CREATE INDEX IF NOT EXISTS ix_five_start ON five (start);
-- How far hours are rolled up: all before `until`, and of that hour the subjects up to `subject`.
CREATE TABLE IF NOT EXISTS rolled (one INTEGER PRIMARY KEY CHECK (one = 1), until INTEGER NOT NULL, subject INTEGER NOT NULL);
INSERT OR IGNORE INTO rolled VALUES (1, 0, 0);
