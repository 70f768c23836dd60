-- When all of a server's share of new articles is free again, in milliseconds: what several pollers use up together.
ALTER TABLE server ADD COLUMN share_whole INTEGER;

-- Which of the slots that processes share the host of a page is on; NULL: any process may read it.
ALTER TABLE reading ADD COLUMN slot INTEGER;
