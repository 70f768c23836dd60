"""Addresses of feeds that let somebody in, encrypted where they are kept.

They belong to one server each (`feed.server_id`). With keys (`TELEX_SECRET_KEY`) such an address stands in
the database as a Fernet token (https://github.com/fernet/spec); the first key encrypts, all of them decrypt.
The keys are this process's, as its settings are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import SecretStr

from bot.store.connection import Connection
from bot.store.records.source_records import SealedCounts
from bot.store.store_errors import DatabaseUnusable

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

SEALED = "sealed:"
"""What an encrypted address begins with."""

_PRIVATE = "server_id <> 0 AND url NOT LIKE 'purged:%'"

_box: MultiFernet | None = None


def use(secret: SecretStr | None) -> None:
    """From now on encrypt and decrypt with these keys, with commas between them; None: with none."""
    global _box  # noqa: PLW0603 - of the process
    _box = None
    if secret is not None:
        from cryptography.fernet import Fernet, MultiFernet  # noqa: PLC0415 - 8 MB that few need

        _box = MultiFernet([Fernet(key.strip()) for key in secret.get_secret_value().split(",")])


def seal(url: str, server_id: int) -> str:
    """An address as it is written: encrypted, where it is a server's own and there is a key."""
    if not server_id or _box is None:
        return url
    return SEALED + _box.encrypt(url.encode("utf-8", "surrogatepass")).decode()


def opened(url: str) -> str:
    """An address as it was before it was written. Raises `DatabaseUnusable` without its key."""
    if not url.startswith(SEALED):
        return url
    if _box is None:
        raise DatabaseUnusable("Passwords of feeds are encrypted: set TELEX_SECRET_KEY to their key.")
    from cryptography.fernet import InvalidToken  # noqa: PLC0415 - see above

    try:
        return _box.decrypt(url.removeprefix(SEALED)).decode("utf-8", "surrogatepass")
    except InvalidToken as error:
        raise DatabaseUnusable("TELEX_SECRET_KEY is not the key of the passwords in the database.") from error


def same(db: Connection, url: str, server_id: int) -> str | None:
    """An address as it stands in the database for a server, or None."""
    if not server_id:
        return url
    rows = db.rows("SELECT url FROM feed WHERE server_id = ?", (server_id,))
    return next((written for (written,) in rows if opened(written) == url), None)


def count(db: Connection) -> SealedCounts:
    """How the addresses with passwords lie in the database."""
    row = db.row(f"SELECT count(*), count(*) FILTER (WHERE url LIKE '{SEALED}%') FROM feed WHERE {_PRIVATE}")
    return SealedCounts(*row)


def seal_all(db: Connection, *, anew: bool = False) -> int:
    """Encrypt what lies open, with `anew` also what is encrypted already; how many feeds that changed.

    Raises `DatabaseUnusable` where something cannot be decrypted, and changes nothing then.
    """
    rows = db.rows(f"SELECT id, server_id, url, moved_to FROM feed WHERE {_PRIVATE}")
    written = []
    for id_, server_id, url, moved_to in rows:
        address = opened(url)
        if _box is not None and (anew or not url.startswith(SEALED)):
            moved = moved_to and seal(opened(moved_to), server_id)
            written.append((seal(address, server_id), moved, id_))
    db.executemany("UPDATE feed SET url = ?, moved_to = ? WHERE id = ?", written)
    return len(written)
