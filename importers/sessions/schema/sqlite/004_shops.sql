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
    seconds  REAL NOT NULL,                        -- from the first claim to the end
    read     INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    taken    INTEGER NOT NULL,                     -- so often one was taken from a worker that died or froze
    PRIMARY KEY (shop, type, status)
) WITHOUT ROWID;

-- The last completed session with each import type that may have changed the shop, i.e. no dry run.
CREATE TABLE last_good (
    shop    TEXT NOT NULL,
    type    TEXT NOT NULL,
    at      TEXT NOT NULL,
    seconds REAL NOT NULL,
    read    INTEGER NOT NULL,
    PRIMARY KEY (shop, type)
) WITHOUT ROWID;

-- Attempts are never deleted, so counting them is a counter, too.
CREATE INDEX attempt_outcome ON attempt (shop, outcome);

CREATE TEMP TABLE ended AS
SELECT id, shop, kinds, status, options, finished_at, retries,
       max(0.0, coalesce((julianday(finished_at) - julianday(started_at)) * 86400, 0.0)) AS seconds,
       (SELECT coalesce(sum(json_extract(value, '$.read')), 0) FROM json_each(by_kind)) AS read,
       (SELECT coalesce(sum(json_extract(value, '$.rejected')), 0) FROM json_each(by_kind)) AS rejected
FROM session WHERE finished_at IS NOT NULL;
INSERT INTO tally
SELECT shop, coalesce(json_extract(kinds, '$[0]'), ''), status, count(*), sum(seconds), sum(read), sum(rejected), sum(retries)
FROM ended GROUP BY 1, 2, 3;
INSERT OR REPLACE INTO last_good
SELECT e.shop, k.value, e.finished_at, e.seconds, e.read FROM ended e, json_each(e.kinds) k
WHERE e.status = 'completed' AND NOT coalesce(json_extract(e.options, '$.dry_run'), 0) ORDER BY e.id;
DROP TABLE ended;
