-- The process that has a channel is told of an edit that another process found, such as a correction.
CREATE TRIGGER dispatch_edit AFTER UPDATE OF edit_due ON dispatch FOR EACH ROW
WHEN (new.edit_due IS NOT NULL AND new.edit_due IS DISTINCT FROM old.edit_due)
EXECUTE FUNCTION notice('outbox');
