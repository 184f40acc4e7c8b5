-- What sessions left with their commits, by task id: the numbers of sessions come again when a journal is restored
-- from a copy, and two copies of a journal number alike. The last ones of each journal are kept.
CREATE TABLE applied_by_task (
    position   INTEGER PRIMARY KEY,   -- in the order of the commits
    journal_id TEXT NOT NULL,
    session_id INTEGER NOT NULL,
    task_id    TEXT NOT NULL,         -- '' = from before this was kept
    fence      INTEGER NOT NULL,
    note       BLOB NOT NULL,
    UNIQUE (journal_id, task_id)
);
INSERT INTO applied_by_task (journal_id, session_id, task_id, fence, note)
    SELECT journal_id, session_id, '', fence, note FROM applied;
DROP TABLE applied;
ALTER TABLE applied_by_task RENAME TO applied;
