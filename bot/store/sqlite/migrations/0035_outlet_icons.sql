-- Icons of outlets: which were fetched, and when each was shown last.
CREATE TABLE outlet_icon (
    name   TEXT PRIMARY KEY,  -- a hash of its address; the emoji of the application is called so
    looked INTEGER NOT NULL,  -- when it was fetched last
    colour INTEGER,           -- 0xRRGGBB that stands out in it
    shown  INTEGER            -- when it was shown last; NULL: it is none that can be shown
) WITHOUT ROWID;
