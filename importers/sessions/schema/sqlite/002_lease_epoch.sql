-- Which epoch of the journal's clock a lease counts in. The boot of the worker's host told it only while both had one clock.

ALTER TABLE session ADD COLUMN lease_epoch TEXT;
UPDATE session SET lease_epoch = owner_boot;
