"""Limits on how much servers and users may have: defaults from the settings, and exceptions for single servers."""

from collections.abc import Sequence
from typing import NamedTuple

from bot.core.configuration.settings import Settings
from bot.core.limits import SERVER_LIMITS, Limit
from bot.core.received_values import parse_integer
from bot.core.user_errors import RequestRejected
from bot.store import Store

MAX_SERVER_LIMIT = 100_000
"""Highest number to which an operator may set a limit of a server."""


class LimitUsage(NamedTuple):
    """Limit on what a server may have, such as feeds: name as operators type it, used count, and maximum.

    `has_own_limit` is whether the operator set a limit for this server, instead of the default in the settings.
    """

    name: str
    used_count: int
    max_count: int
    has_own_limit: bool


class Limits:
    """Limits on how much servers and users may have; everything that enforces or names a limit asks here.

    `default_limits` are from the settings; a server may have others.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self._store = store
        self.default_limits: dict[Limit, int] = {limit: getattr(settings, f"max_{limit}") for limit in Limit}

    async def load(self, limit: Limit, server_id: int | None = None) -> int:
        """Return the maximum number that a limit allows, in a server if `server_id` is given. Raises StoreError."""
        exceptions = {} if server_id is None else await self._store.server_limits.load_by_server(server_id)
        return exceptions.get(limit, self.default_limits[limit])

    async def require_below(self, count: int, limit: Limit, server_id: int | None = None) -> None:
        """Raise RequestRejected if one more than `count` would exceed a limit, for a server if `server_id` is given.

        Raises StoreError.
        """
        max_count = await self.load(limit, server_id)
        if count >= max_count:
            raise RequestRejected(limit, count=max_count)

    async def load_usage(self, server_id: int) -> list[LimitUsage]:
        """Return all limits of a server, and how much of each is used. Raises StoreError."""
        own_limits = await self._store.server_limits.load_by_server(server_id)
        used_count_by_limit = {
            Limit.FEEDS_PER_SERVER: await self._store.subscriptions.count(server_id),
            Limit.WATCHES_PER_SERVER: len(await self._store.watches.list_channel_watches(server_id)),
            Limit.DIGESTS_PER_SERVER: len(await self._store.digests.list_by_server(server_id)),
        }
        return [
            LimitUsage(
                name, used_count_by_limit[limit], own_limits.get(limit, self.default_limits[limit]), limit in own_limits
            )
            for name, limit in SERVER_LIMITS.items()
        ]


def parse_limits(assignments: Sequence[str]) -> dict[Limit, int | None]:
    """Return the limits in texts such as `feeds=500`; None stands for `feeds=default`, the limit in the settings.

    Raises ValueError with an English sentence for the operator if a text is something else, or a limit is there twice.
    """
    max_count_by_limit: dict[Limit, int | None] = {}
    for assignment in assignments:
        name, _separator, count_text = assignment.strip().lower().partition("=")
        max_count = parse_integer(count_text, maximum=MAX_SERVER_LIMIT)
        if name not in SERVER_LIMITS or (max_count is None and count_text != "default"):
            raise ValueError(
                f"“{assignment}” is no limit. Limits look like feeds=500, or feeds=default for that of the settings. "
                f"There are {', '.join(SERVER_LIMITS)}, up to {MAX_SERVER_LIMIT:,} each."
            )
        if SERVER_LIMITS[name] in max_count_by_limit:
            raise ValueError(f"The limit {name} is there twice.")
        max_count_by_limit[SERVER_LIMITS[name]] = max_count
    return max_count_by_limit
