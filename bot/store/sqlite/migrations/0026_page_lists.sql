-- A list of a page is followed like a feed: what it is to be found again by, as JSON.
ALTER TABLE feed ADD COLUMN page_list TEXT;
