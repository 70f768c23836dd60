"""Records of what an operator decided for the whole bot, and of the servers that use it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from bot.core.reasons import ReasonCode
from bot.text.source_patterns import SourcePattern

DEFAULT_NOTICE_LANGUAGE = "en"
"""Code of the language whose text servers get if the operator's notice has none in theirs."""


class NoticeRejection(ReasonCode):
    """Reason why the operator's notice cannot be sent or cancelled, of which a sentence is made for the operator."""

    EMPTY = "notice-empty"
    TOO_LONG = "notice-too-long"  # count, limit: lengths in UTF-16 units
    NO_RECIPIENT = "notice-without-recipient"
    REPEATED = "notice-repeated"
    GONE = "notice-gone"


class NoticeReach(NamedTuple):
    """Numbers of servers that the operator's notice would reach now, that have no channel for alerts, or opted out."""

    reachable: int
    without_channel: int
    opted_out: int


class NoticeProgress(NamedTuple):
    """Numbers of servers by what became of the operator's notice in them.

    `withdrawn` counts those where it was not posted, because it was cancelled, became too old or was declined.
    """

    posted: int
    waiting: int
    failed: int
    without_channel: int
    opted_out: int
    withdrawn: int


@dataclass(frozen=True, slots=True)
class Notice:
    """A text of the operator for all servers, by language code, and how far it was posted.

    Times are Unix times in seconds; `cancelled_at` is None unless the notice was cancelled.
    """

    id: int
    texts: Mapping[str, str]
    created_at: int
    cancelled_at: int | None
    progress: NoticeProgress

    @property
    def is_in_progress(self) -> bool:
        """Whether some servers are still to get the notice."""
        return self.cancelled_at is None and self.progress.waiting > 0


def select_notice_text(texts: Mapping[str, str], language: str) -> str:
    """Return the text of a notice for a language code: in that language, else in English, else in any other."""
    return texts.get(language) or texts.get(DEFAULT_NOTICE_LANGUAGE) or next(iter(texts.values()))


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
