"""Records of what an operator decided for the whole bot, and of the servers that use it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from bot.text.source_patterns import SourcePattern

POST_COUNT_DAYS = 7
"""Number of days over which posts of a server are counted."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Entry of the audit log: an action of an operator at `recorded_at` (Unix time in seconds).

    `action` is an `AuditAction`, or the code of one that only a newer version knows. `user_id` is `OPERATOR_USER_ID`
    for an action in the terminal, None if the user had their data deleted. `server_id` is None for an action that
    concerns no single server. `details` are values, by name, for the sentence that describes the action.
    """

    id: int
    recorded_at: int
    action: str
    user_id: int | None
    server_id: int | None
    details: Mapping[str, str | int]


class ServerProfile(NamedTuple):
    """Name and number of members of a server, as Discord reports them; None if it does not report the number."""

    name: str
    member_count: int | None


class ServerOrder(StrEnum):
    """Order of a list of servers."""

    MEMBERS = "members"
    NAME = "name"
    LAST_USE = "last-use"
    NEWEST = "newest"


class ServerOverview(NamedTuple):
    """Server that the bot is in, or that was blocked or allowed, as an operator sees it. Times are Unix seconds.

    `name` and `member_count` are what Discord last reported, None if the bot was not connected since. `last_used_at` is
    the midnight (UTC) before a member last used a command, button or menu, None if that is unknown. `post_count` is
    the number of messages posted in the last `POST_COUNT_DAYS` days. `is_allowed` is None for a server that is neither
    blocked nor on the allow-list. `is_leaving` is whether the bot was asked to leave and is about to. `joined_at` is
    None if the bot is not in the server.
    """

    id: int
    name: str | None
    member_count: int | None
    joined_at: int | None
    last_used_at: int | None
    is_allowed: bool | None
    is_leaving: bool
    feed_count: int
    post_count: int


class ServerErasure(NamedTuple):
    """Erasure of a server's data: the id of the server, and the receipt of what was erased, as a JSON object."""

    server_id: int
    receipt: str


MAX_MAINTENANCE_MINUTES = 7 * 24 * 60
"""Maximum number of minutes that an operator may say a maintenance will take."""


class MaintenancePeriod(NamedTuple):
    """Maintenance of the bot: it began at `since`, and may end at about `expected_end`, or None (Unix seconds)."""

    since: int
    expected_end: int | None


class BlockedSource(NamedTuple):
    """Website, or part of one, that an operator blocks since `blocked_at` (Unix time in seconds)."""

    pattern: SourcePattern
    blocked_at: int


class FollowedFeedCounts(NamedTuple):
    """How many feeds of a website, or part of one, servers follow, and the ids of these servers."""

    feed_count: int
    server_ids: frozenset[int]
