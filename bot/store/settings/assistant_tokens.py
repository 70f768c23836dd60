"""Repository of tokens with which AI assistants read a server's public channels. Only hashes are stored."""

from collections.abc import Collection
from contextlib import suppress
from hashlib import blake2b
from secrets import token_urlsafe

from bot.core.preferences import SettingKind
from bot.store.connection import Connection
from bot.store.database import Database
from bot.store.meta import Meta
from bot.store.records.people_records import AssistantToken
from bot.store.repository import Repository, write_transaction
from bot.store.settings import setting_changes
from bot.store.store_errors import DatabaseFault

TOKEN_BYTES = 32
"""Number of random bytes in an AI assistant's token, before encoding."""
LAST_USED_RESOLUTION_SECONDS = 3_600
"""Seconds after a recorded use of an AI assistant's token within which further uses are not recorded."""
_PUBLIC_URL_META_NAME = "assistants"
"""Name of the row of the table `meta` with the public URL to which AI assistants connect."""


class AssistantTokens(Repository):
    """Repository of tokens with which AI assistants read a server's public channels. Methods raise StoreError.

    A token is shown once, when it is created.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._meta = Meta(database)

    async def get_public_url(self) -> str | None:
        """Return the public URL to which AI assistants connect, or None if it is unknown or not served."""
        return await self._meta.get(_PUBLIC_URL_META_NAME)

    async def set_public_url(self, url: str | None) -> None:
        """Store the public URL to which AI assistants connect, or None if they cannot connect any more."""
        await self._meta.set(_PUBLIC_URL_META_NAME, url)

    @write_transaction
    def create(
        self, db: Connection, server_id: int, *, user_id: int | None = None, limit: int | None = None
    ) -> str | None:
        """Create a token with which AI assistants read a server's public channels, and return it.

        The change history records who created it, unless `user_id` is None.
        Return None if the bot is not in the server, or if the server has `limit` tokens already.
        """
        token = token_urlsafe(TOKEN_BYTES)
        token_hash = hash_token(token)
        token_count = db.fetch_value("SELECT count(*) FROM assistant_token WHERE server_id = ?", (server_id,))
        server_row = db.fetch_row("SELECT 1 FROM server WHERE id = ? AND left_at IS NULL", (server_id,))
        if server_row is None or (limit is not None and token_count >= limit):
            return None
        db.execute(
            "INSERT INTO assistant_token (hash, server_id, created_at) VALUES (?, ?, ?)",
            (token_hash, server_id, db.now),
        )
        setting_changes.log_change(
            db, server_id, user_id, SettingKind.ASSISTANT_TOKEN, None, _format_short_name(token_hash)
        )
        return token

    async def list_by_server(self, server_id: int) -> list[AssistantToken]:
        """List a server's tokens for AI assistants, oldest first."""
        rows = await self._fetch_rows(
            "SELECT hash, created_at, last_used_at FROM assistant_token WHERE server_id = ? ORDER BY created_at, hash",
            (server_id,),
        )
        return [AssistantToken(bytes(row["hash"]).hex(), row["created_at"], row["last_used_at"]) for row in rows]

    @write_transaction
    def revoke(
        self,
        db: Connection,
        server_id: int,
        token_hashes: Collection[str] | None = None,
        *,
        user_id: int | None = None,
    ) -> int:
        """Revoke a server's tokens for AI assistants, or only those with one of `token_hashes` (as hexadecimal text).

        The change history records who did so, unless `user_id` is None. Return the number of tokens that were revoked.
        """
        rows = db.fetch_rows("SELECT hash FROM assistant_token WHERE server_id = ?", (server_id,))
        revoked_hashes = [bytes(row[0]) for row in rows if token_hashes is None or bytes(row[0]).hex() in token_hashes]
        for token_hash in revoked_hashes:
            db.execute("DELETE FROM assistant_token WHERE hash = ?", (token_hash,))
            setting_changes.log_change(
                db, server_id, user_id, SettingKind.ASSISTANT_TOKEN, _format_short_name(token_hash), None
            )
        return len(revoked_hashes)

    async def find_server_id_by_token(self, token: str) -> int | None:
        """Return the id of the server of an AI assistant's token; None if it is unknown or the bot left the server.

        The use of the token is recorded, unless one was within `LAST_USED_RESOLUTION_SECONDS` or the write fails.
        """
        now = self._clock.now()
        row = await self._fetch_row(
            "SELECT server_id, assistant_token.last_used_at FROM assistant_token JOIN server ON server.id = server_id "
            "WHERE hash = ? AND server.left_at IS NULL",
            (hash_token(token),),
        )
        if row is None:
            return None
        if row["last_used_at"] is None or now - row["last_used_at"] >= LAST_USED_RESOLUTION_SECONDS:
            with suppress(DatabaseFault):  # Reading must work on a full disk.
                await self._record_use(hash_token(token))
        return int(row["server_id"])

    @write_transaction
    def _record_use(self, db: Connection, token_hash: bytes) -> None:
        db.execute("UPDATE assistant_token SET last_used_at = ? WHERE hash = ?", (db.now, token_hash))


def hash_token(token: str) -> bytes:
    """Return the hash of a token, 32 bytes, which is stored in place of the token."""
    return blake2b(token.encode(), digest_size=32).digest()


def _format_short_name(token_hash: bytes) -> str:
    return AssistantToken(token_hash.hex(), 0, None).short_name
