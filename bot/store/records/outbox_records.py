"""What channels are owed, and what became of it."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from bot.core.choices import Filter
from bot.core.models import Article, Fate
from bot.store.records.content_records import ToldArticle


class WithheldFor(StrEnum):
    """Why an article was withheld from a channel."""

    PAUSED = "paused"
    AWAY = "away"  # the bot was not in the server
    UNFOLLOWED = "unfollowed"
    TOLD = "told"  # in a message that a restored backup knows nothing of
    FEW_OUTLETS = "few-outlets"  # followed by how many told its story, and how many were wanted
    NOT_BEST = "not-best"  # of its day


class WaitsFor(StrEnum):
    """What a post waits for, by what was chosen for its channel."""

    QUIET_HOURS = "quiet-hours"
    MOST_AN_HOUR = "most-an-hour"
    GAP = "gap"
    OUTLETS = "outlets"  # followed by how many tell its story, and how many are wanted
    BEST = "best"  # followed by when the next is chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class FateRow:
    """What became of a page in a channel, since when, and the reason where there is one."""

    server_id: int
    channel_id: int
    article_id: int
    fate: Fate
    reason: str | None
    since: int
    message_id: int | None
    thread_id: int | None
    joined: str | None = None  # the title of the post that it joined

    @property
    def filters(self) -> list[Filter]:
        """Those that kept it out, where they did."""
        return [Filter.of(line) for line in (self.reason or "").splitlines() if self.fate is Fate.FILTERED]


class Other(NamedTuple):
    """An article of the same page as one that a digest may tell of."""

    article_id: int
    feed_id: int
    outlet: str


class BestChoice(NamedTuple):
    """A channel in which the best stories are to be chosen: `number` a day, `due` since a time."""

    server_id: int
    channel_id: int
    number: int
    due: int
    time_zone: str


class HeldStory(NamedTuple):
    """A story that a channel holds back: its post's id and date, its articles, the first one first.

    `outlets` are how many tell it, `kept` is how many people of the server bookmarked it.
    """

    post_id: int
    published: int
    outlets: int
    kept: int
    articles: tuple[ToldArticle, ...]


class Candidate(NamedTuple):
    """An article that a digest may tell of, with the other articles of its page that may be named.

    `kept` is how many people bookmarked any of them in this server.
    """

    article_id: int
    feed_id: int
    page: str
    title: str
    outlet: str
    tags: tuple[str, ...]
    language: str | None
    published: int
    others: tuple[Other, ...]
    kept: int


class Gathered(NamedTuple):
    """What a digest may tell, newest first; all articles held for it; which seem to tell of one event."""

    candidates: list[Candidate]
    held: list[int]
    kin: list[tuple[int, int, float]]


class EarlierNotice(NamedTuple):
    """A notice that was sent: the name of its dispatch, its message, and the articles that it told of."""

    what: str
    message_id: int
    article_ids: Collection[int]


class LongestWaits(NamedTuple):
    """Seconds until a dispatch, a channel or the reading of a page is tried again, at the most."""

    dispatch: int
    channel: int
    page: int


class ChannelFeed(NamedTuple):
    """A channel that can be read as a feed, since when its addresses work."""

    server_id: int
    channel_id: int
    created: int


class PostedIn(NamedTuple):
    """An article that a message of a channel tells, or that joined it, and since when it does."""

    article: Article
    dispatch_id: int
    told: int
    joined: bool


class SentDigest(NamedTuple):
    """A digest that was sent: its message, what it says as JSON, and its articles by id."""

    dispatch_id: int
    sent: int
    message_id: int
    place_id: int
    payload: str
    articles: dict[int, Article]
