-- oldest: 1
-- What a session tells of itself beside its row, by name: how it stands, its files, what the shop gained and lost.

CREATE TABLE detail (
    session_id bigint NOT NULL REFERENCES session ON DELETE CASCADE,
    name       text COLLATE "C" NOT NULL,
    value      text COLLATE "C" NOT NULL,
    PRIMARY KEY (session_id, name)
);
