-- Upgrade of a database of Telex 0.1.0 (version 47) to the baseline: tables, columns and indexes get their present names.

--[sqlite]
DROP TRIGGER fate_past_filter;
DROP TRIGGER article_added;
DROP TRIGGER article_changed;
DROP TRIGGER article_deleted;
DROP TRIGGER encoded_article_outdated;
--[postgres]
DO $$
DECLARE
    routine REGPROCEDURE;
BEGIN
    FOR routine IN
        SELECT oid FROM pg_proc WHERE pronamespace = CAST('telex' AS REGNAMESPACE)
        ORDER BY prokind  -- aggregates before the functions on which they depend
    LOOP
        EXECUTE format('DROP ROUTINE %s CASCADE', routine);
    END LOOP;
END
$$;
--[both]

ALTER TABLE fate RENAME TO delivery_status;
ALTER TABLE reading RENAME TO page_fetch;
ALTER TABLE kinship RENAME TO similar_article;
ALTER TABLE written_text RENAME TO generated_text;
ALTER TABLE surplus RENAME TO quota_overflow;
ALTER TABLE passed_over RENAME TO skipped_entry;
ALTER TABLE kept_out RENAME TO blocked_article;
ALTER TABLE let_go RENAME TO erased_bookmark;
ALTER TABLE request_share RENAME TO request_allocation;

ALTER TABLE delivery_status RENAME COLUMN page TO page_key;
ALTER TABLE delivery_status RENAME COLUMN fate TO status;
ALTER TABLE delivery_status RENAME COLUMN decided TO decided_at;
ALTER TABLE delivery_status RENAME COLUMN joined_id TO joined_dispatch_id;
ALTER TABLE delivery_status RENAME COLUMN shown TO shown_at;
ALTER TABLE page_fetch RENAME COLUMN wanted TO requested_at;
ALTER TABLE page_fetch RENAME COLUMN news TO is_news;
ALTER TABLE page_fetch RENAME COLUMN due TO due_at;
ALTER TABLE page_fetch RENAME COLUMN ended TO finished_at;
ALTER TABLE page_fetch RENAME COLUMN slot TO host_slot;
ALTER TABLE similar_article RENAME COLUMN other_id TO earlier_id;
ALTER TABLE similar_article RENAME COLUMN likeness TO similarity;
ALTER TABLE generated_text RENAME COLUMN made TO generated_at;
ALTER TABLE quota_overflow RENAME COLUMN since TO first_at;
ALTER TABLE quota_overflow RENAME COLUMN last TO last_at;
ALTER TABLE quota_overflow RENAME COLUMN entries TO entry_count;
ALTER TABLE skipped_entry RENAME COLUMN hash TO identity_hash;
ALTER TABLE skipped_entry RENAME COLUMN link TO link_hash;
ALTER TABLE skipped_entry RENAME COLUMN counted TO skipped_at;
ALTER TABLE erased_bookmark RENAME COLUMN mark TO user_hash;
ALTER TABLE feed RENAME COLUMN added TO added_at;
ALTER TABLE feed RENAME COLUMN slot TO host_slot;
ALTER TABLE article RENAME COLUMN page TO page_key;
ALTER TABLE article RENAME COLUMN own_page TO has_own_page_key;
ALTER TABLE article RENAME COLUMN image TO image_url;
ALTER TABLE article RENAME COLUMN audio TO audio_url;
ALTER TABLE article RENAME COLUMN duration TO duration_seconds;
ALTER TABLE article RENAME COLUMN found TO found_at;
ALTER TABLE article RENAME COLUMN updated TO updated_at;
ALTER TABLE article RENAME COLUMN corrected TO corrected_at;
ALTER TABLE article RENAME COLUMN retracted TO retracted_at;
ALTER TABLE article RENAME COLUMN changes TO change_count;
ALTER TABLE article_change RENAME COLUMN mark TO nonce;
ALTER TABLE server RENAME COLUMN joined TO joined_at;
ALTER TABLE server RENAME COLUMN "left" TO left_at;
ALTER TABLE server RENAME COLUMN welcomed TO welcomed_at;
ALTER TABLE server RENAME COLUMN share_whole TO quota_full_at;
ALTER TABLE subscription RENAME COLUMN added TO added_at;
ALTER TABLE subscription RENAME COLUMN paused TO paused_at;
ALTER TABLE subscription RENAME COLUMN resumed TO resumed_at;
ALTER TABLE channel RENAME COLUMN person_id TO user_id;
ALTER TABLE channel RENAME COLUMN best_due TO best_due_at;
ALTER TABLE channel_feed RENAME COLUMN created TO created_at;
ALTER TABLE assistant_token RENAME COLUMN created TO created_at;
ALTER TABLE assistant_token RENAME COLUMN used TO last_used_at;
ALTER TABLE setting_change RENAME COLUMN changed TO changed_at;
ALTER TABLE setting_change RENAME COLUMN person_id TO user_id;
ALTER TABLE setting_change RENAME COLUMN old TO old_value;
ALTER TABLE setting_change RENAME COLUMN new TO new_value;
ALTER TABLE digest RENAME COLUMN created TO created_at;
ALTER TABLE digest RENAME COLUMN due TO due_at;
ALTER TABLE digest RENAME COLUMN covered TO covered_until;
ALTER TABLE dispatch RENAME COLUMN what TO dedupe_key;
ALTER TABLE dispatch RENAME COLUMN created TO created_at;
ALTER TABLE dispatch RENAME COLUMN due TO due_at;
ALTER TABLE dispatch RENAME COLUMN claimed TO claimed_at;
ALTER TABLE dispatch RENAME COLUMN sent TO sent_at;
ALTER TABLE dispatch RENAME COLUMN finished TO is_finalized;
ALTER TABLE dispatch RENAME COLUMN edit_due TO edit_due_at;
ALTER TABLE dispatch RENAME COLUMN edited TO edited_at;
ALTER TABLE dispatch RENAME COLUMN error TO last_error;
ALTER TABLE watch RENAME COLUMN created TO created_at;
ALTER TABLE watch RENAME COLUMN after TO after_article_id;
ALTER TABLE watch RENAME COLUMN quiet TO cooldown_until;
ALTER TABLE watch RENAME COLUMN absent TO absent_since;
ALTER TABLE watch RENAME COLUMN removed TO removed_at;
ALTER TABLE watch_match RENAME COLUMN page TO page_key;
ALTER TABLE personal_digest RENAME COLUMN feeds TO feed_ids;
ALTER TABLE personal_digest RENAME COLUMN topics TO topic_queries;
ALTER TABLE personal_digest RENAME COLUMN watches TO include_watches;
ALTER TABLE personal_digest RENAME COLUMN paused TO paused_at;
ALTER TABLE personal_digest RENAME COLUMN created TO created_at;
ALTER TABLE personal_digest RENAME COLUMN due TO due_at;
ALTER TABLE personal_digest RENAME COLUMN covered TO covered_until;
ALTER TABLE bookmark RENAME COLUMN person_id TO user_id;
ALTER TABLE bookmark RENAME COLUMN created TO created_at;
ALTER TABLE bookmark RENAME COLUMN removed TO removed_at;
ALTER TABLE bookmark RENAME COLUMN read TO read_at;
ALTER TABLE opinion RENAME COLUMN person_id TO user_id;
ALTER TABLE opinion RENAME COLUMN given TO given_at;
ALTER TABLE question RENAME COLUMN person_id TO user_id;
ALTER TABLE question RENAME COLUMN asked TO asked_at;
ALTER TABLE question RENAME COLUMN public TO is_public;
ALTER TABLE question RENAME COLUMN answered TO is_answered;
ALTER TABLE question RENAME COLUMN follows TO previous_id;
ALTER TABLE question RENAME COLUMN answer_id TO answer_message_id;
ALTER TABLE question_source RENAME COLUMN place TO rank;
ALTER TABLE vote RENAME COLUMN person_id TO user_id;
ALTER TABLE vote RENAME COLUMN helped TO is_helpful;
ALTER TABLE vote RENAME COLUMN voted TO voted_at;
ALTER TABLE push_subscription RENAME COLUMN due TO due_at;
ALTER TABLE push_subscription RENAME COLUMN asked TO requested_at;
ALTER TABLE push_subscription RENAME COLUMN missed TO has_missed_entry;
ALTER TABLE outlet_icon RENAME COLUMN looked TO fetched_at;
ALTER TABLE outlet_icon RENAME COLUMN shown TO last_shown_at;
ALTER TABLE process RENAME COLUMN started TO started_at;
ALTER TABLE process RENAME COLUMN seen TO seen_at;
ALTER TABLE process RENAME COLUMN until TO expires_at;
ALTER TABLE request_allocation RENAME COLUMN need TO demand;
ALTER TABLE request_allocation RENAME COLUMN refused TO rate_limited_count;
ALTER TABLE request_allocation RENAME COLUMN until TO expires_at;
ALTER TABLE encoded_article RENAME COLUMN stamp TO index_id;

--[sqlite]
DROP INDEX fate_article;
DROP INDEX fate_dispatch;
DROP INDEX fate_joined;
DROP INDEX fate_held;
DROP INDEX reading_due;
DROP INDEX reading_feed;
DROP INDEX kinship_other;
DROP INDEX passed_over_link;
DROP INDEX kept_out_article;
DROP INDEX written_text_made;
DROP INDEX written_text_server;
DROP INDEX dispatch_unfinished;
DROP INDEX dispatch_told;
DROP INDEX bookmark_person;
DROP INDEX question_person;
DROP INDEX question_follows;
DROP INDEX vote_person;
DROP INDEX setting_change_person;
DROP INDEX opinion_person;
CREATE INDEX delivery_status_article ON delivery_status (article_id);
CREATE INDEX delivery_status_dispatch ON delivery_status (dispatch_id) WHERE dispatch_id IS NOT NULL;
CREATE INDEX delivery_status_joined ON delivery_status (joined_dispatch_id) WHERE joined_dispatch_id IS NOT NULL;
CREATE INDEX delivery_status_reserved ON delivery_status (channel_id, article_id) WHERE status = 'digested';
CREATE INDEX page_fetch_due ON page_fetch (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX page_fetch_feed ON page_fetch (feed_id, requested_at);
CREATE INDEX similar_article_earlier ON similar_article (earlier_id);
CREATE INDEX skipped_entry_link ON skipped_entry (link_hash);
CREATE INDEX blocked_article_article ON blocked_article (article_id);
CREATE INDEX generated_text_generated ON generated_text (generated_at, server_id);
CREATE INDEX generated_text_server ON generated_text (server_id) WHERE server_id IS NOT NULL;
CREATE INDEX dispatch_unfinalized ON dispatch (id) WHERE state = 'sent' AND is_finalized = 0;
CREATE INDEX dispatch_channel_sent ON dispatch (channel_id, sent_at) WHERE sent_at IS NOT NULL;
CREATE INDEX bookmark_user ON bookmark (user_id, created_at) WHERE removed_at IS NULL;
CREATE INDEX question_user ON question (user_id, asked_at);
CREATE INDEX question_previous ON question (previous_id) WHERE previous_id IS NOT NULL;
CREATE INDEX vote_user ON vote (user_id);
CREATE INDEX setting_change_user ON setting_change (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX opinion_user ON opinion (user_id);

CREATE TABLE strict_icon (
    name          TEXT PRIMARY KEY,
    fetched_at    INTEGER NOT NULL,
    colour        INTEGER,
    last_shown_at INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO strict_icon SELECT name, fetched_at, colour, last_shown_at FROM outlet_icon;
DROP TABLE outlet_icon;
ALTER TABLE strict_icon RENAME TO outlet_icon;
--[postgres]
ALTER INDEX fate_article RENAME TO delivery_status_article;
ALTER INDEX fate_dispatch RENAME TO delivery_status_dispatch;
ALTER INDEX fate_joined RENAME TO delivery_status_joined;
ALTER INDEX fate_held RENAME TO delivery_status_reserved;
ALTER INDEX reading_due RENAME TO page_fetch_due;
ALTER INDEX reading_feed RENAME TO page_fetch_feed;
ALTER INDEX kinship_other RENAME TO similar_article_earlier;
ALTER INDEX passed_over_link RENAME TO skipped_entry_link;
ALTER INDEX kept_out_article RENAME TO blocked_article_article;
ALTER INDEX written_text_made RENAME TO generated_text_generated;
ALTER INDEX written_text_server RENAME TO generated_text_server;
ALTER INDEX dispatch_unfinished RENAME TO dispatch_unfinalized;
ALTER INDEX dispatch_told RENAME TO dispatch_channel_sent;
ALTER INDEX bookmark_person RENAME TO bookmark_user;
ALTER INDEX question_person RENAME TO question_user;
ALTER INDEX question_follows RENAME TO question_previous;
ALTER INDEX vote_person RENAME TO vote_user;
ALTER INDEX setting_change_person RENAME TO setting_change_user;
ALTER INDEX opinion_person RENAME TO opinion_user;
ALTER TABLE blocked_article RENAME CONSTRAINT kept_out_article_id_fkey TO blocked_article_article_id_fkey;
ALTER TABLE blocked_article RENAME CONSTRAINT kept_out_channel_id_fkey TO blocked_article_channel_id_fkey;
ALTER TABLE blocked_article RENAME CONSTRAINT kept_out_pkey TO blocked_article_pkey;
ALTER TABLE channel RENAME CONSTRAINT channel_person_id_key TO channel_user_id_key;
ALTER TABLE delivery_status RENAME CONSTRAINT fate_check1 TO delivery_status_check1;
ALTER TABLE delivery_status RENAME CONSTRAINT fate_check TO delivery_status_check;
ALTER TABLE delivery_status RENAME CONSTRAINT fate_fate_check TO delivery_status_status_check;
ALTER TABLE delivery_status RENAME CONSTRAINT fate_article_id_fkey TO delivery_status_article_id_fkey;
ALTER TABLE delivery_status RENAME CONSTRAINT fate_channel_id_fkey TO delivery_status_channel_id_fkey;
ALTER TABLE delivery_status RENAME CONSTRAINT fate_dispatch_id_fkey TO delivery_status_dispatch_id_fkey;
ALTER TABLE delivery_status RENAME CONSTRAINT fate_joined_id_fkey TO delivery_status_joined_dispatch_id_fkey;
ALTER TABLE delivery_status RENAME CONSTRAINT fate_pkey TO delivery_status_pkey;
ALTER TABLE dispatch RENAME CONSTRAINT dispatch_channel_id_what_key TO dispatch_channel_id_dedupe_key_key;
ALTER TABLE erased_bookmark RENAME CONSTRAINT let_go_article_id_fkey TO erased_bookmark_article_id_fkey;
ALTER TABLE erased_bookmark RENAME CONSTRAINT let_go_pkey TO erased_bookmark_pkey;
ALTER TABLE generated_text RENAME CONSTRAINT written_text_kind_check TO generated_text_kind_check;
ALTER TABLE generated_text RENAME CONSTRAINT written_text_article_id_fkey TO generated_text_article_id_fkey;
ALTER TABLE generated_text RENAME CONSTRAINT written_text_server_id_fkey TO generated_text_server_id_fkey;
ALTER TABLE generated_text RENAME CONSTRAINT written_text_pkey TO generated_text_pkey;
ALTER TABLE page_fetch RENAME CONSTRAINT reading_article_id_fkey TO page_fetch_article_id_fkey;
ALTER TABLE page_fetch RENAME CONSTRAINT reading_pkey TO page_fetch_pkey;
ALTER TABLE personal_digest RENAME CONSTRAINT personal_digest_watches_check TO personal_digest_include_watches_check;
ALTER TABLE question RENAME CONSTRAINT question_follows_fkey TO question_previous_id_fkey;
ALTER TABLE quota_overflow RENAME CONSTRAINT surplus_kind_check TO quota_overflow_kind_check;
ALTER TABLE quota_overflow RENAME CONSTRAINT surplus_feed_id_fkey TO quota_overflow_feed_id_fkey;
ALTER TABLE quota_overflow RENAME CONSTRAINT surplus_pkey TO quota_overflow_pkey;
ALTER TABLE request_allocation RENAME CONSTRAINT request_share_pkey TO request_allocation_pkey;
ALTER TABLE similar_article RENAME CONSTRAINT kinship_article_id_fkey TO similar_article_article_id_fkey;
ALTER TABLE similar_article RENAME CONSTRAINT kinship_other_id_fkey TO similar_article_earlier_id_fkey;
ALTER TABLE similar_article RENAME CONSTRAINT kinship_pkey TO similar_article_pkey;
ALTER TABLE skipped_entry RENAME CONSTRAINT passed_over_feed_id_fkey TO skipped_entry_feed_id_fkey;
ALTER TABLE skipped_entry RENAME CONSTRAINT passed_over_pkey TO skipped_entry_pkey;
ALTER TABLE vote RENAME CONSTRAINT vote_helped_check TO vote_is_helpful_check;
--[both]
