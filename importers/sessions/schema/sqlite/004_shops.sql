-- Several shops, hosts and brokers: whose import it is, where its source lies, what it waits for.

ALTER TABLE session ADD COLUMN shop TEXT NOT NULL DEFAULT 'main';
ALTER TABLE session ADD COLUMN source_host TEXT;               -- the only host that sees the source; NULL = all do
ALTER TABLE session ADD COLUMN source_print TEXT NOT NULL DEFAULT '';  -- tells whether another host sees the same files
ALTER TABLE session ADD COLUMN upload TEXT;                    -- the source was sent along under this name
ALTER TABLE session ADD COLUMN waiting TEXT;                   -- why no worker has it yet
ALTER TABLE session ADD COLUMN waiting_args TEXT NOT NULL DEFAULT '{}';
ALTER TABLE attempt ADD COLUMN shop TEXT NOT NULL DEFAULT 'main';

-- Exports that were sent along, in pieces, until their session ends.
CREATE TABLE upload (
    name TEXT NOT NULL,
    n    INTEGER NOT NULL,
    made_clock REAL NOT NULL,
    boot_id    TEXT NOT NULL,
    piece      BLOB NOT NULL,
    PRIMARY KEY (name, n)
) WITHOUT ROWID;

-- Sessions that have ended, counted once, for metrics: deleting a session must not lower a counter.
CREATE TABLE tally (
    shop     TEXT NOT NULL,
    type     TEXT NOT NULL,
    status   TEXT NOT NULL,
    sessions INTEGER NOT NULL,
    seconds  REAL NOT NULL,
    read     INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    PRIMARY KEY (shop, type, status)
) WITHOUT ROWID;
