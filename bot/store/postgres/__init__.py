"""PostgreSQL, 15 or newer: the store's statements as they stand, on a server that several programs may use.

Statements are written once, in what SQLite and PostgreSQL share. `dialect` changes the notation of parameters
and the few words that differ; what SQLite has and PostgreSQL lacks is a function in the schema `telex`
(`functions.sql`). Reads run in sessions of their own, as SQLite's do. Writes take turns behind one lock of
the database (`pg_advisory_xact_lock`), whatever process they are of: what was read stays true until the
commit, ids follow each other as they were committed, and the log of changes has no gap that is filled later.
"""
