-- Rows of a database of Telex 0.1.0, with a dispatch in each state; the test adds one to each empty table.
INSERT INTO meta VALUES ('terms_version', '1'), ('restored', '');
INSERT INTO feed (id, url, server_id, title, outlet, state, etag, body_hash, added, next_poll, interval, last_poll, last_success)
VALUES (1, 'https://first.example/feed', 0, 'First', 'First', 'active', '"tag"', x'00ff', 1779000000, 1779000600, 600, 1779000000, 1779000000),
       (2, 'https://ada:secret@second.example/feed', 100, 'Second', 'Second', 'gone', NULL, NULL, 1779000000, 1779000600, 600, 1779000000, NULL),
       (3, 'https://third.example/', 0, 'Third', 'Third', 'imported', NULL, NULL, 1779000000, 0, 600, NULL, NULL);
INSERT INTO article (id, key, feed_id, page, url, fingerprint, title, summary, text, body, author, outlet, language, tags, image, published, found, updated)
VALUES (1, 'key-1', 1, 'page-1', 'https://first.example/1', x'01', 'Reconnaissance faciale interdite', '', 'Une interdiction.', NULL, 'Ada', 'First', 'fr', '["loi"]', NULL, 1778990000, 1779000000, NULL),
       (2, 'key-2', 1, 'page-2', 'https://first.example/2', x'02', 'A second article', 'Short.', 'A text.', 'Text.', NULL, 'First', 'en', '[]', 'https://first.example/2.png', 1778990001, 1779000000, 1779000100),
       (3, 'key-3', 1, 'page-3', 'https://first.example/3', x'03', 'A third', '', '', NULL, NULL, 'First', NULL, '[]', NULL, 1778990002, 1779000000, NULL),
       (4, 'key-4', 1, 'page-4', 'https://first.example/4', x'04', 'A fourth', '', '', NULL, NULL, 'First', NULL, '[]', NULL, 1778990003, 1779000000, NULL),
       (5, 'key-5', 1, 'page-5', 'https://first.example/5', x'05', 'A fifth', '', '', NULL, NULL, 'First', NULL, '[]', NULL, 1778990004, 1779000000, NULL),
       (6, 'key-6', 2, 'page-6', 'https://second.example/6', x'06', 'A secret', '', '', NULL, NULL, 'Second', NULL, '[]', NULL, 1778990005, 1779000000, NULL);
INSERT INTO identity VALUES (1, x'a1', 1), (1, x'a2', 2), (1, x'a3', 3), (1, x'a4', 4), (1, x'a5', 5), (2, x'a6', 6);
INSERT INTO server (id, locale, joined, left) VALUES (100, 'fr', 1779000000, NULL), (101, NULL, 1779000000, 1779000500);
INSERT INTO channel (id, server_id, problem, problem_since, retry_at)
VALUES (200, 100, NULL, NULL, NULL), (201, 100, 'forbidden send_messages', 1779000000, 1779000300), (202, 101, NULL, NULL, NULL);
INSERT INTO subscription (id, channel_id, feed_id, added, paused, resumed, resumed_from)
VALUES (1, 200, 1, 1779000000, NULL, NULL, NULL), (2, 201, 1, 1779000000, NULL, 1779000200, 'paused'),
       (3, 202, 1, 1779000000, 1779000100, NULL, NULL), (4, 200, 2, 1779000000, NULL, NULL, NULL);
INSERT INTO dispatch (id, channel_id, kind, what, state, created, position, due, attempts, claimed, message_id, thread_id, sent, finished, edit_due, error, payload)
VALUES (1, 200, 'post', 'key-1', 'sent', 1779000000, 1778990000, 1779000000, 1, 1779000000, 9001, NULL, 1779000001, 1, NULL, NULL, ''),
       (2, 200, 'post', 'key-2', 'sent', 1779000000, 1778990001, 1779000000, 1, 1779000000, 9002, 9002, 1779000001, 0, 1779000100, NULL, ''),
       (3, 200, 'catch-up', 'catch-up-1', 'claimed', 1779000000, 1778990002, 1779000000, 1, 1779000000, NULL, NULL, NULL, 0, NULL, NULL, ''),
       (4, 200, 'post', 'key-5', 'waiting', 1779000000, 1778990004, 1779000000, 1, NULL, NULL, NULL, NULL, 0, NULL, '503', ''),
       (5, 201, 'post', 'key-1', 'failed', 1779000000, 1778990000, 1779000000, 1, 1779000000, NULL, NULL, NULL, 0, NULL, 'fault', ''),
       (6, 201, 'post', 'key-2', 'uncertain', 1779000000, 1778990001, 1779000000, 1, 1779000000, NULL, NULL, NULL, 0, NULL, 'unreadable', ''),
       (7, 201, 'notice', 'feed-1', 'waiting', 1779000000, 1779000000, 1779000000, 0, NULL, NULL, NULL, NULL, 0, NULL, NULL, '{"code": "gone"}');
INSERT INTO fate (channel_id, page, article_id, dispatch_id, fate, reason, decided)
VALUES (200, 'page-1', 1, 1, NULL, NULL, 1779000000), (200, 'page-2', 2, 2, NULL, NULL, 1779000000),
       (200, 'page-3', 3, 3, NULL, NULL, 1779000000), (200, 'page-4', 4, 3, NULL, NULL, 1779000000),
       (200, 'page-5', 5, 4, NULL, NULL, 1779000000), (201, 'page-1', 1, 5, NULL, NULL, 1779000000),
       (201, 'page-2', 2, 6, NULL, NULL, 1779000000), (202, 'page-1', 1, NULL, 'withheld', 'paused', 1779000200);
INSERT INTO bookmark (person_id, article_id, created, removed, server_id, channel_id, message_id) VALUES (300, 1, 1779000050, NULL, 100, 200, 9001), (300, 2, 1779000050, 1779000060, 100, 200, 9002), (301, 6, 1779000050, NULL, NULL, NULL, NULL);
