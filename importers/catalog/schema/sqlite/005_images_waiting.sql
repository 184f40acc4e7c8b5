-- Which catalog this is, wherever its file goes: its folder of images bears the same mark.
CREATE TABLE identity (
    id TEXT NOT NULL PRIMARY KEY
) WITHOUT ROWID;
INSERT INTO identity (id) VALUES (lower(hex(randomblob(16))));

-- Sessions whose copies of pictures wait in `folder`: written with their commit, deleted when all are in their places.
-- So copies whose token is not here belong to a session that never committed.
CREATE TABLE images_waiting (
    token  TEXT NOT NULL PRIMARY KEY,
    folder TEXT NOT NULL
) WITHOUT ROWID;
