"""Encryption of private feed URLs in the database.

A URL is private if its feed belongs to one server (`feed.server_id`) or if it contains a random-looking part
(`urls.has_secret`). With `TELEX_SECRET_KEY`, it is stored as a Fernet token (https://github.com/fernet/spec):
the first key encrypts, all keys decrypt. The keys are global to the process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.core.configuration.settings import Secret
from bot.store.connection import Connection
from bot.store.records.source_records import EncryptionCounts
from bot.store.store_errors import DatabaseUnusable
from bot.text import urls

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

ENCRYPTED_PREFIX = "sealed:"
"""Prefix of a stored URL that is encrypted."""


_fernet: MultiFernet | None = None


def set_encryption_keys(secret_keys: Secret | None) -> None:
    """Set the comma-separated Fernet keys of this process, or disable encryption if that is None.

    Raises ValueError if a key is invalid.
    """
    global _fernet  # noqa: PLW0603 - one per process
    _fernet = None
    if secret_keys is not None:
        from cryptography.fernet import Fernet, MultiFernet  # noqa: PLC0415 - 8 MB that few need

        _fernet = MultiFernet([Fernet(key.strip()) for key in secret_keys.text.split(",")])


def has_encryption_key() -> bool:
    """Return whether there is a key, so that private URLs are encrypted when they are stored."""
    return _fernet is not None


def is_private(url: str, server_id: int | None) -> bool:
    """Return whether a URL is private: its feed belongs to one server, it is encrypted, or it contains a secret."""
    return bool(server_id) or url.startswith(ENCRYPTED_PREFIX) or urls.has_secret(url)


def encrypt_url(url: str, server_id: int | None) -> str:
    """Return a URL in its stored form: encrypted if it is private and there is a key."""
    if _fernet is None or not is_private(url, server_id):
        return url
    return ENCRYPTED_PREFIX + _fernet.encrypt(url.encode("utf-8", "surrogatepass")).decode()


def decrypt_url(stored_url: str) -> str:
    """Return a stored URL in plain text.

    Raises `DatabaseUnusable` if it was encrypted with a key that this process lacks.
    """
    if not stored_url.startswith(ENCRYPTED_PREFIX):
        return stored_url
    if _fernet is None:
        raise DatabaseUnusable("Feed addresses are encrypted: set TELEX_SECRET_KEY to their key.")
    from cryptography.fernet import InvalidToken  # noqa: PLC0415 - 8 MB that few need; loaded with the keys

    try:
        return _fernet.decrypt(stored_url.removeprefix(ENCRYPTED_PREFIX)).decode("utf-8", "surrogatepass")
    except InvalidToken as error:
        raise DatabaseUnusable("TELEX_SECRET_KEY is not the key of the feed addresses in the database.") from error


def find_stored_url(db: Connection, url: str, server_id: int) -> str | None:
    """Return the stored form of a feed URL for a server, or None if no such private feed is stored.

    A URL that is not private is returned as it is, whether stored or not. `server_id` is 0 for feeds shared by all
    servers. Raises `DatabaseUnusable` if a URL cannot be decrypted.
    """
    if not is_private(url, server_id):
        return url
    candidates_sql = (
        f"SELECT url FROM feed WHERE server_id = ? AND (server_id <> 0 OR url = ? OR url LIKE '{ENCRYPTED_PREFIX}%')"
    )
    rows = db.fetch_rows(candidates_sql, (server_id, url))
    return next((stored_url for (stored_url,) in rows if decrypt_url(stored_url) == url), None)


def count_private_urls(db: Connection) -> EncryptionCounts:
    """Count the private URLs of feeds and of users' proposals of feeds, and those of them that are encrypted."""
    stored_urls = [stored_url for _id, _server_id, stored_url, _stored_new_url in _list_private_feeds(db)]
    stored_urls += [stored_url for _id, stored_url in _list_private_proposals(db)]
    return EncryptionCounts(
        len(stored_urls), sum(stored_url.startswith(ENCRYPTED_PREFIX) for stored_url in stored_urls)
    )


def _list_private_feeds(db: Connection) -> list[tuple[int, int, str, str | None]]:
    """Return id, server id, stored URL and stored new URL (`moved_to`, or None) of feeds with a private URL.

    Feeds whose URL was purged are left out.
    """
    rows = db.fetch_rows("SELECT id, server_id, url, moved_to FROM feed WHERE url NOT LIKE 'purged:%'")
    return [
        (feed_id, server_id, stored_url, stored_new_url)
        for feed_id, server_id, stored_url, stored_new_url in rows
        if is_private(stored_url, server_id)
    ]


def _list_private_proposals(db: Connection) -> list[tuple[int, str]]:
    """Return id and stored URL of all proposals by users to follow a feed with a private URL."""
    rows = db.fetch_rows("SELECT id, url FROM proposal")
    return [(proposal_id, stored_url) for proposal_id, stored_url in rows if is_private(stored_url, None)]


def encrypt_stored_urls(db: Connection, *, reencrypt: bool = False) -> int:
    """Encrypt the private URLs that are stored in plain text; return the number of changed feeds and feed proposals.

    With `reencrypt`, all private URLs are encrypted anew. Without a key, nothing is changed. Raises `DatabaseUnusable`,
    before any change, if the URL of a feed, or a URL to be encrypted anew, cannot be decrypted.
    """
    feed_rows = []
    for feed_id, server_id, stored_url, stored_new_url in _list_private_feeds(db):
        plain_url = decrypt_url(stored_url)
        if _fernet is not None and (reencrypt or not stored_url.startswith(ENCRYPTED_PREFIX)):
            encrypted_new_url = stored_new_url and encrypt_url(decrypt_url(stored_new_url), server_id)
            feed_rows.append((encrypt_url(plain_url, server_id), encrypted_new_url, feed_id))
    proposal_rows = [
        (encrypt_url(decrypt_url(stored_url), None), proposal_id)
        for proposal_id, stored_url in _list_private_proposals(db)
        if _fernet is not None and (reencrypt or not stored_url.startswith(ENCRYPTED_PREFIX))
    ]
    db.executemany("UPDATE feed SET url = ?, moved_to = ? WHERE id = ?", feed_rows)
    db.executemany("UPDATE proposal SET url = ? WHERE id = ?", proposal_rows)
    return len(feed_rows) + len(proposal_rows)
