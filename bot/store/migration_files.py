"""Functions that read migrations: numbered `.sql` files that change the database schema."""

from pathlib import Path

from bot.store.store_errors import NewerDatabase


def list_migrations(folder: Path) -> dict[int, Path]:
    """Map the numbers of the migrations in a directory to their paths, in ascending order."""
    paths = sorted(folder.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    path_by_number = {int(path.name[:4]): path for path in paths}
    assert len(path_by_number) == len(paths), "two migrations have the same number"
    return path_by_number


def require_known_version(version: int, newest_version: int) -> None:
    """Raise `NewerDatabase` if the schema version of a database is above that of the newest migration."""
    if version > newest_version:
        raise NewerDatabase(
            f"The database has version {version}, this Telex knows versions up to {newest_version}: "
            "it was written by a later Telex. Install that one, or restore a backup."
        )
