"""Tokens with which assistants read what everybody on a server may. Only their hashes are kept."""

from collections.abc import Collection
from contextlib import suppress
from hashlib import blake2b
from secrets import token_urlsafe

from bot.core.preferences import SettingKind
from bot.store.connection import Connection
from bot.store.meta import Meta
from bot.store.ports import AnyDatabase
from bot.store.records.people_records import AssistantToken
from bot.store.repository import Repository, writes
from bot.store.settings import setting_changes
from bot.store.store_errors import DatabaseFault

TOKEN_BYTES = 32
"""Of a secret, before it is written down."""
LAST_USED_RESOLUTION_SECONDS = 3_600
"""Seconds within which a further use is not written down."""
_SERVED_AT = "assistants"


class AssistantTokens(Repository):
    """The tokens. One is shown once, when it is made."""

    def __init__(self, database: AnyDatabase) -> None:
        super().__init__(database)
        self._meta = Meta(database)

    async def address(self) -> str | None:
        """Where assistants reach the tools on the web, None where nobody serves them or can tell."""
        return await self._meta.get(_SERVED_AT)

    async def set_public_address(self, address: str | None) -> None:
        """Write down where that is, or that it has ended."""
        await self._meta.set(_SERVED_AT, address)

    @writes
    def create(
        self, db: Connection, server_id: int, *, person_id: int | None = None, limit: int | None = None
    ) -> str | None:
        """A new token of a server; None where the bot is not in it, or where it has `limit` of them.

        Who made it is written down in the server's history.
        """
        token = token_urlsafe(TOKEN_BYTES)
        secret = hash_token(token)
        count = db.value("SELECT count(*) FROM assistant_token WHERE server_id = ?", (server_id,))
        known = db.row("SELECT 1 FROM server WHERE id = ? AND left IS NULL", (server_id,))
        if known is None or (limit is not None and count >= limit):
            return None
        db.execute(
            "INSERT INTO assistant_token (hash, server_id, created) VALUES (?, ?, ?)",
            (secret, server_id, db.now),
        )
        setting_changes.log_change(
            db, server_id, person_id, SettingKind.ASSISTANT_TOKEN, None, _short_name(secret)
        )
        return token

    async def of_server(self, server_id: int) -> list[AssistantToken]:
        """The tokens of a server, oldest first."""
        rows = await self._rows(
            "SELECT hash, created, used FROM assistant_token WHERE server_id = ? ORDER BY created, hash",
            (server_id,),
        )
        return [AssistantToken(bytes(row["hash"]).hex(), row["created"], row["used"]) for row in rows]

    @writes
    def revoke(
        self,
        db: Connection,
        server_id: int,
        names: Collection[str] | None = None,
        *,
        person_id: int | None = None,
    ) -> int:
        """Let tokens of a server, or all of them, be valid no more; how many there were."""
        known = db.rows("SELECT hash FROM assistant_token WHERE server_id = ?", (server_id,))
        gone = [bytes(row[0]) for row in known if names is None or bytes(row[0]).hex() in names]
        for secret in gone:
            db.execute("DELETE FROM assistant_token WHERE hash = ?", (secret,))
            setting_changes.log_change(
                db, server_id, person_id, SettingKind.ASSISTANT_TOKEN, _short_name(secret), None
            )
        return len(gone)

    async def server_for_token(self, token: str) -> int | None:
        """The server of a token, which the bot is in; None for any other. The use is written down."""
        now = self._clock.now()
        row = await self._row(
            "SELECT server_id, used FROM assistant_token JOIN server ON server.id = server_id "
            "WHERE hash = ? AND server.left IS NULL",
            (hash_token(token),),
        )
        if row is None:
            return None
        if row["used"] is None or now - row["used"] >= LAST_USED_RESOLUTION_SECONDS:
            with suppress(DatabaseFault):  # whoever only reads is not kept from it by a full disk
                await self._use(hash_token(token))
        return int(row["server_id"])

    @writes
    def _use(self, db: Connection, secret: bytes) -> None:
        db.execute("UPDATE assistant_token SET used = ? WHERE hash = ?", (db.now, secret))


def hash_token(token: str) -> bytes:
    """What is kept of a secret."""
    return blake2b(token.encode(), digest_size=32).digest()


def _short_name(secret: bytes) -> str:
    return AssistantToken(secret.hex(), 0, None).short_name
