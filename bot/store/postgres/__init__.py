"""The PostgreSQL engine (15 or newer): one database shared by several processes.

Statements are written once, in the SQL that SQLite and PostgreSQL share. `postgres_connection` translates their
parameters; the function `database_time` is in the schema `telex` (`functions.sql`). Writes
of all processes are serialised by one advisory lock (`pg_advisory_xact_lock`): rows that a transaction read
stay unchanged until its commit, ids are assigned in commit order, and the change log never has a gap that is
filled later.
"""
