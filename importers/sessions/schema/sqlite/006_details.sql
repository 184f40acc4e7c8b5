-- oldest: 4
-- What a session tells of itself beside its row, by name: how it stands, its files, what the shop gained and lost.

CREATE TABLE detail (
    session_id INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,
    name       TEXT NOT NULL,
    value      TEXT NOT NULL,                      -- JSON
    PRIMARY KEY (session_id, name)
) WITHOUT ROWID;
