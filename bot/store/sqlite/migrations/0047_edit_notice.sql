-- Nothing to do: one process has a database file, and it knows what it wrote.
SELECT 1;
