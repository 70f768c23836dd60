"""Addresses of feeds that may let somebody in, encrypted where they are kept.

They belong to one server each (`feed.server_id`), or hold a part that looks drawn by lot
(`urls.holds_secret`). With keys (`TELEX_SECRET_KEY`) such an address stands in the database as a Fernet token
(https://github.com/fernet/spec); the first key encrypts, all of them decrypt. The keys are this process's, as
its settings are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import SecretStr

from bot.store.connection import Connection
from bot.store.records.source_records import EncryptionCounts
from bot.store.store_errors import DatabaseUnusable
from bot.text import urls

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

ENCRYPTED_PREFIX = "sealed:"
"""What an encrypted address begins with."""


_fernet: MultiFernet | None = None


def set_keys(secret: SecretStr | None) -> None:
    """From now on encrypt and decrypt with these keys, with commas between them; None: with none."""
    global _fernet  # noqa: PLW0603 - of the process
    _fernet = None
    if secret is not None:
        from cryptography.fernet import Fernet, MultiFernet  # noqa: PLC0415 - 8 MB that few need

        _fernet = MultiFernet([Fernet(key.strip()) for key in secret.get_secret_value().split(",")])


def has_key() -> bool:
    """Whether addresses that may let somebody in are encrypted when they are written."""
    return _fernet is not None


def is_private(url: str, server_id: int | None) -> bool:
    """Whether an address may let somebody in: it is a server's own, or holds a secret."""
    return bool(server_id) or url.startswith(ENCRYPTED_PREFIX) or urls.holds_secret(url)


def encrypt_url(url: str, server_id: int | None) -> str:
    """An address as it is written: encrypted, where it may let somebody in and there is a key."""
    if _fernet is None or not is_private(url, server_id):
        return url
    return ENCRYPTED_PREFIX + _fernet.encrypt(url.encode("utf-8", "surrogatepass")).decode()


def decrypt_url(url: str) -> str:
    """An address as it was before it was written. Raises `DatabaseUnusable` without its key."""
    if not url.startswith(ENCRYPTED_PREFIX):
        return url
    if _fernet is None:
        raise DatabaseUnusable("Feed addresses are encrypted: set TELEX_SECRET_KEY to their key.")
    from cryptography.fernet import InvalidToken  # noqa: PLC0415 - see above

    try:
        return _fernet.decrypt(url.removeprefix(ENCRYPTED_PREFIX)).decode("utf-8", "surrogatepass")
    except InvalidToken as error:
        raise DatabaseUnusable("TELEX_SECRET_KEY is not the key of the passwords in the database.") from error


def stored_form(db: Connection, url: str, server_id: int) -> str | None:
    """An address as it stands in the database for a server, or None."""
    if not is_private(url, server_id):
        return url
    sql = (
        f"SELECT url FROM feed WHERE server_id = ? AND (server_id <> 0 OR url = ? OR url LIKE "
        f"'{ENCRYPTED_PREFIX}%')"
    )
    rows = db.rows(sql, (server_id, url))
    return next((written for (written,) in rows if decrypt_url(written) == url), None)


def count(db: Connection) -> EncryptionCounts:
    """How many addresses may let somebody in, and how many of them are encrypted."""
    written = [url for _id, _server_id, url, _target in _private(db)]
    return EncryptionCounts(len(written), sum(url.startswith(ENCRYPTED_PREFIX) for url in written))


def _private(db: Connection) -> list[tuple[int, int, str, str | None]]:
    """The feeds whose address may let somebody in: id, server, address, and where it moves to, as written."""
    rows = db.rows("SELECT id, server_id, url, moved_to FROM feed WHERE url NOT LIKE 'purged:%'")
    return [
        (id_, server_id, url, target) for id_, server_id, url, target in rows if is_private(url, server_id)
    ]


def encrypt_all(db: Connection, *, reencrypt: bool = False) -> int:
    """Encrypt what lies open, with `anew` also what is encrypted already; how many feeds that changed.

    Raises `DatabaseUnusable` where something cannot be decrypted, and changes nothing then.
    """
    written = []
    for id_, server_id, url, moved_to in _private(db):
        address = decrypt_url(url)
        if _fernet is not None and (reencrypt or not url.startswith(ENCRYPTED_PREFIX)):
            moved = moved_to and encrypt_url(decrypt_url(moved_to), server_id)
            written.append((encrypt_url(address, server_id), moved, id_))
    db.executemany("UPDATE feed SET url = ?, moved_to = ? WHERE id = ?", written)
    return len(written)
