-- Triggers, and the functions that they call. Created anew with each migration of the tables.

--[sqlite]
DROP TRIGGER IF EXISTS delivery_status_unblocked;
CREATE TRIGGER delivery_status_unblocked AFTER UPDATE OF status ON delivery_status
WHEN old.status = 'filtered' AND new.status IS NOT 'filtered' AND new.article_id <> old.article_id
BEGIN
    INSERT OR IGNORE INTO blocked_article (channel_id, article_id) VALUES (old.channel_id, old.article_id);
END;

DROP TRIGGER IF EXISTS article_added;
CREATE TRIGGER article_added AFTER INSERT ON article
BEGIN
    INSERT INTO article_change (article_id) VALUES (new.id);
END;

DROP TRIGGER IF EXISTS article_changed;
CREATE TRIGGER article_changed
AFTER UPDATE OF feed_id, published, title, summary, text, body, page_text, language, outlet, author, tags, image_url
ON article
WHEN old.feed_id <> new.feed_id OR old.published <> new.published OR old.title <> new.title
  OR old.summary <> new.summary OR old.text <> new.text OR old.body IS NOT new.body
  OR old.page_text IS NOT new.page_text OR old.language IS NOT new.language OR old.outlet <> new.outlet
  OR old.author IS NOT new.author OR old.tags <> new.tags OR old.image_url IS NOT new.image_url
BEGIN
    INSERT INTO article_change (article_id) VALUES (new.id);
END;

DROP TRIGGER IF EXISTS article_deleted;
CREATE TRIGGER article_deleted AFTER DELETE ON article
BEGIN
    INSERT INTO article_change (article_id) VALUES (old.id);
END;

DROP TRIGGER IF EXISTS encoded_article_outdated;
CREATE TRIGGER encoded_article_outdated
AFTER UPDATE OF title, summary, text, body, page_text ON article
WHEN old.title <> new.title OR old.summary <> new.summary OR old.text <> new.text
  OR old.body IS NOT new.body OR old.page_text IS NOT new.page_text
BEGIN
    DELETE FROM encoded_article WHERE article_id = new.id;
END;

--[postgres]
CREATE OR REPLACE FUNCTION next_dispatch_id() RETURNS BIGINT LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN (SELECT coalesce(max(id), 0) + 1 FROM dispatch);  -- only one transaction writes at a time
END
$$;
ALTER TABLE dispatch ALTER COLUMN id SET DEFAULT next_dispatch_id();

CREATE OR REPLACE FUNCTION record_blocked_article() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO blocked_article (channel_id, article_id) VALUES (old.channel_id, old.article_id)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER delivery_status_unblocked AFTER UPDATE OF status ON delivery_status FOR EACH ROW
WHEN (old.status = 'filtered' AND new.status IS DISTINCT FROM 'filtered' AND new.article_id <> old.article_id)
EXECUTE FUNCTION record_blocked_article();

-- The lock is held until the commit, so that numbers are in the order of commits: a reader of the log that has read up
-- to one number has missed none before it.
CREATE OR REPLACE FUNCTION log_article_change() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(1413829720, 4);
    INSERT INTO article_change (article_id) VALUES (CASE TG_OP WHEN 'DELETE' THEN old.id ELSE new.id END);
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER article_added AFTER INSERT ON article FOR EACH ROW EXECUTE FUNCTION log_article_change();
CREATE OR REPLACE TRIGGER article_changed
AFTER UPDATE OF feed_id, published, title, summary, text, body, page_text, language, outlet, author, tags, image_url
ON article FOR EACH ROW
WHEN ((old.feed_id, old.published, old.title, old.summary, old.text, old.body, old.page_text, old.language,
       old.outlet, old.author, old.tags, old.image_url)
      IS DISTINCT FROM
      (new.feed_id, new.published, new.title, new.summary, new.text, new.body, new.page_text, new.language,
       new.outlet, new.author, new.tags, new.image_url))
EXECUTE FUNCTION log_article_change();
CREATE OR REPLACE TRIGGER article_deleted AFTER DELETE ON article FOR EACH ROW EXECUTE FUNCTION log_article_change();

CREATE OR REPLACE FUNCTION delete_outdated_encoding() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM encoded_article WHERE article_id = new.id;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER encoded_article_outdated AFTER UPDATE OF title, summary, text, body, page_text ON article
FOR EACH ROW
WHEN ((old.title, old.summary, old.text, old.body, old.page_text)
      IS DISTINCT FROM (new.title, new.summary, new.text, new.body, new.page_text))
EXECUTE FUNCTION delete_outdated_encoding();

-- Processes are notified of cluster events; each also looks by itself now and then.
CREATE OR REPLACE FUNCTION notify_event() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('telex', TG_ARGV[0]);
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER lease_free AFTER DELETE ON lease FOR EACH STATEMENT EXECUTE FUNCTION notify_event('leases');
CREATE OR REPLACE TRIGGER process_started AFTER INSERT ON process FOR EACH ROW EXECUTE FUNCTION notify_event('leases');
CREATE OR REPLACE TRIGGER dispatch_enqueued AFTER INSERT ON dispatch FOR EACH STATEMENT
EXECUTE FUNCTION notify_event('outbox');
CREATE OR REPLACE TRIGGER dispatch_due AFTER UPDATE OF state ON dispatch FOR EACH ROW
WHEN (new.state = 'waiting' AND old.state <> 'waiting') EXECUTE FUNCTION notify_event('outbox');
CREATE OR REPLACE TRIGGER dispatch_edit AFTER UPDATE OF edit_due_at ON dispatch FOR EACH ROW
WHEN (new.edit_due_at IS NOT NULL AND new.edit_due_at IS DISTINCT FROM old.edit_due_at)
EXECUTE FUNCTION notify_event('outbox');
CREATE OR REPLACE TRIGGER feed_followed AFTER INSERT ON subscription FOR EACH STATEMENT
EXECUTE FUNCTION notify_event('feeds');
CREATE OR REPLACE TRIGGER feed_sooner AFTER UPDATE OF next_poll ON feed FOR EACH ROW
WHEN (new.next_poll < old.next_poll) EXECUTE FUNCTION notify_event('feeds');
