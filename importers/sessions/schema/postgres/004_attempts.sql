-- oldest: 1
-- Attempts are found by all that one looks for, in the order in which they were made.

DROP INDEX attempt_by_id;
CREATE INDEX attempt_by_id ON attempt (id, operator, shop, kinds, outcome, at);
