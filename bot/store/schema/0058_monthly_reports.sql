-- Managers may have the scorecard of feeds posted in the channel for alerts on the first of each month.
ALTER TABLE server ADD COLUMN report_due_at INT;  -- NULL: it isn't posted
CREATE INDEX server_report_due ON server (report_due_at) WHERE report_due_at IS NOT NULL;
