-- Finding sessions among a million. All that filters ask of one is a row of `facet`, of which there are few, so that each
-- order needs one narrow index that answers every filter. Triggers keep it, whichever program writes.
-- oldest: 4

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
ALTER TABLE session ADD COLUMN facet INTEGER;
ALTER TABLE session ADD COLUMN rejected INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN milliseconds INTEGER NOT NULL DEFAULT 0;  -- from the first claim to the end; 0 before that

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
UPDATE session SET status = status;

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
CREATE INDEX attempt_by_id ON attempt (id, operator, shop, kinds);
CREATE INDEX event_that_warns ON event (session_id, id) WHERE level <> 'info';
CREATE INDEX reject_by_reason ON reject (session_id, reason, id);
