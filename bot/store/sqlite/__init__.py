"""SQLite: the connections, migrations, backups, and the faults of a file and its disk."""
