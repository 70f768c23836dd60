"""Tokens with which assistants read what everybody on a server may. Only their hashes are kept."""

from __future__ import annotations

from hashlib import blake2b
from secrets import token_urlsafe

from bot.core.clock import Clock
from bot.store.ports import Database

BYTES = 32
"""Of a secret, before it is written down."""


class AssistantTokens:
    """The tokens. One is shown once, when it is made."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def make(self, server_id: int) -> str | None:
        """A new token of a server; None where the bot does not know the server."""
        token = token_urlsafe(BYTES)
        async with self._database.write() as transaction:
            made = await transaction.execute(
                "INSERT INTO assistant_token (hash, server_id, created) "
                "SELECT ?, id, ? FROM server WHERE id = ? AND server.left IS NULL",
                (hashed(token), self._clock.now(), server_id),
            )
        return token if made else None

    async def revoke(self, server_id: int) -> int:
        """Let none of a server's tokens be valid any more; how many there were."""
        async with self._database.write() as transaction:
            return await transaction.execute("DELETE FROM assistant_token WHERE server_id = ?", (server_id,))

    async def server_of(self, token: str) -> int | None:
        """The server of a token, which the bot is in; None for any other."""
        row = await self._database.fetchone(
            "SELECT server_id FROM assistant_token JOIN server ON server.id = server_id "
            "WHERE hash = ? AND server.left IS NULL",
            (hashed(token),),
        )
        return None if row is None else int(row["server_id"])


def hashed(token: str) -> bytes:
    """What is kept of a secret."""
    return blake2b(token.encode(), digest_size=32).digest()
