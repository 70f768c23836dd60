"""The SQLite engine: connections, migrations, backups, and errors of the file and its disk."""
