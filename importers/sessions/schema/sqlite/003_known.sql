-- What the last sessions of a target told, as it would be told again: of what (key), while the catalog is as it was (state).

CREATE TABLE known (
    id INTEGER PRIMARY KEY,
    target TEXT NOT NULL,
    key TEXT NOT NULL,
    state TEXT NOT NULL,
    told TEXT NOT NULL,
    UNIQUE (target, key)
);
