-- 7
CREATE TABLE meta (journal_id TEXT NOT NULL);
CREATE TABLE session (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id      TEXT NOT NULL,
    idempotency_key TEXT NOT NULL UNIQUE,
    task_id         TEXT NOT NULL UNIQUE,
    kinds           TEXT NOT NULL,                 -- JSON, in the order selected; the first one is the type
    source          TEXT NOT NULL,
    options         TEXT NOT NULL,                 -- JSON
    target          TEXT NOT NULL,                 -- what may be imported into by one session at a time
    status          TEXT NOT NULL CHECK (
        status IN ('started', 'in_progress', 'cancelling', 'completed', 'failed', 'cancelled')
    ),
    operator        TEXT NOT NULL,
    host            TEXT NOT NULL,
    created_at      TEXT NOT NULL,
    created_clock   REAL NOT NULL,
    boot_id         TEXT NOT NULL,
    started_at      TEXT,
    finished_at     TEXT,
    dispatched_clock REAL,                         -- NULL = not sent to a worker
    dispatches      INTEGER NOT NULL DEFAULT 0,
    owner           TEXT,                          -- "host:pid" of the worker
    owner_start     TEXT,                          -- start time of that pid, and
    owner_boot      TEXT,                          -- boot id of that host: a pid alone can be given again
    lease_until     REAL,                          -- as `created_clock`
    fence           INTEGER NOT NULL DEFAULT 0,    -- grows with every claim and every taking away
    retries         INTEGER NOT NULL DEFAULT 0,
    by_kind         TEXT NOT NULL DEFAULT '{}',    -- JSON
    done            INTEGER NOT NULL DEFAULT 0,
    total           INTEGER NOT NULL DEFAULT 0,
    running_kind    TEXT,
    error           TEXT,
    error_args      TEXT NOT NULL DEFAULT '{}', lease_epoch TEXT, shop TEXT NOT NULL DEFAULT 'main', source_host TEXT, source_print TEXT NOT NULL DEFAULT '', upload TEXT, waiting TEXT, waiting_args TEXT NOT NULL DEFAULT '{}', facet INTEGER, rejected INTEGER NOT NULL DEFAULT 0, milliseconds INTEGER NOT NULL DEFAULT 0,
    CHECK ((finished_at IS NOT NULL) = (status IN ('completed', 'failed', 'cancelled')))
);
CREATE UNIQUE INDEX one_active ON session (target) WHERE status IN ('started', 'in_progress', 'cancelling');
CREATE TABLE launch_key (
    idempotency_key TEXT PRIMARY KEY,
    params_hash     TEXT NOT NULL,
    session_id      INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE attempt (
    id              INTEGER PRIMARY KEY,
    request_id      TEXT NOT NULL UNIQUE,
    idempotency_key TEXT NOT NULL,
    kinds           TEXT NOT NULL,
    source          TEXT NOT NULL,
    target          TEXT NOT NULL,
    operator        TEXT NOT NULL,
    host            TEXT NOT NULL,
    pid             INTEGER NOT NULL,
    at              TEXT NOT NULL,
    outcome         TEXT,
    session_id      INTEGER,
    lock            TEXT,
    reason          TEXT,
    reason_args     TEXT NOT NULL DEFAULT '{}'
, shop TEXT NOT NULL DEFAULT 'main');
CREATE TABLE event (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,
    at         TEXT NOT NULL,
    type       TEXT NOT NULL,
    level      TEXT NOT NULL,
    message    TEXT NOT NULL,
    args       TEXT NOT NULL
);
CREATE INDEX event_of_session ON event (session_id, id);
CREATE UNIQUE INDEX one_received ON event (session_id) WHERE type = 'received';
CREATE TABLE reject (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,
    kind       TEXT NOT NULL,
    file       TEXT NOT NULL,
    line       INTEGER,
    record_id  TEXT NOT NULL,
    reason     TEXT NOT NULL,
    args       TEXT NOT NULL,
    fragment   TEXT NOT NULL
);
CREATE INDEX reject_of_session ON reject (session_id, id);
CREATE TABLE lock (
    key         TEXT PRIMARY KEY,
    token       TEXT NOT NULL,
    until_clock REAL NOT NULL,
    boot_id     TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE known (
    id INTEGER PRIMARY KEY,
    target TEXT NOT NULL,
    key TEXT NOT NULL,
    state TEXT NOT NULL,
    told TEXT NOT NULL,
    UNIQUE (target, key)
);
CREATE TABLE upload (
    name TEXT NOT NULL,
    n    INTEGER NOT NULL,
    made_clock REAL NOT NULL,
    boot_id    TEXT NOT NULL,
    piece      BLOB NOT NULL,
    PRIMARY KEY (name, n)
) WITHOUT ROWID;
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
CREATE TABLE last_good (
    shop    TEXT NOT NULL,
    type    TEXT NOT NULL,
    at      TEXT NOT NULL,
    seconds REAL NOT NULL,
    read    INTEGER NOT NULL,
    PRIMARY KEY (shop, type)
) WITHOUT ROWID;
CREATE INDEX attempt_outcome ON attempt (shop, outcome);
CREATE TABLE facet (
    id           INTEGER PRIMARY KEY,
    status       TEXT NOT NULL,
    kinds        TEXT NOT NULL,
    operator     TEXT NOT NULL,
    host         TEXT NOT NULL,
    shop         TEXT NOT NULL,
    dry_run      INTEGER NOT NULL,
    with_rejects INTEGER NOT NULL,
    UNIQUE (status, kinds, operator, host, shop, dry_run, with_rejects)
);
CREATE TRIGGER session_changed AFTER UPDATE OF status, by_kind, finished_at ON session BEGIN
    INSERT INTO facet (status, kinds, operator, host, shop, dry_run, with_rejects)
    SELECT NEW.status, NEW.kinds, NEW.operator, NEW.host, NEW.shop, coalesce(json_extract(NEW.options, '$.dry_run'), 0),
        EXISTS (SELECT 1 FROM json_each(NEW.by_kind) WHERE json_extract(value, '$.rejected') > 0)
    WHERE true ON CONFLICT DO NOTHING;
    UPDATE session SET
        rejected = (SELECT coalesce(sum(json_extract(value, '$.rejected')), 0) FROM json_each(NEW.by_kind)),
        milliseconds = coalesce(max(0, CAST(round(
            (julianday(NEW.finished_at) - julianday(NEW.started_at)) * 86400000) AS INTEGER)), 0),
        facet = (
            SELECT id FROM facet WHERE status = NEW.status AND kinds = NEW.kinds AND operator = NEW.operator
            AND host = NEW.host AND shop = NEW.shop AND dry_run = coalesce(json_extract(NEW.options, '$.dry_run'), 0)
            AND with_rejects =
                EXISTS (SELECT 1 FROM json_each(NEW.by_kind) WHERE json_extract(value, '$.rejected') > 0)
        )
    WHERE id = NEW.id;
END;
CREATE TRIGGER session_made AFTER INSERT ON session BEGIN
    UPDATE session SET status = status WHERE id = NEW.id;
END;
CREATE INDEX session_by_id ON session (id, facet, created_at);
CREATE INDEX session_by_facet ON session (facet, id);
CREATE INDEX session_by_created ON session (created_at, id, facet);
CREATE INDEX session_by_kinds ON session (kinds, id, facet);
CREATE INDEX session_by_status ON session (status, id, facet);
CREATE INDEX session_by_operator ON session (operator, id, facet);
CREATE INDEX session_by_milliseconds ON session (milliseconds, id, facet);
CREATE INDEX session_by_rejected ON session (rejected, id, facet);
CREATE INDEX session_by_error ON session (error) WHERE error IS NOT NULL;
CREATE INDEX session_by_request ON session (request_id, id);
CREATE INDEX session_of_target ON session (target, created_clock);
CREATE INDEX event_that_warns ON event (session_id, id) WHERE level <> 'info';
CREATE INDEX reject_by_reason ON reject (session_id, reason, id);
CREATE TABLE detail (
    session_id INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,
    name       TEXT NOT NULL,
    value      TEXT NOT NULL,                      -- JSON
    PRIMARY KEY (session_id, name)
) WITHOUT ROWID;
CREATE INDEX attempt_by_id ON attempt (id, operator, shop, kinds, outcome, at);
INSERT INTO meta VALUES (lower(hex(randomblob(16))));
