"""What feeds, their polls and their hubs bring."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from typing import NamedTuple

from bot.core.models import Feed, NewArticle
from bot.core.preferences import Filter


class AlertKind(StrEnum):
    """What an alert tells."""

    FAILING = "broken"
    GONE = "gone"
    RECOVERED = "back"
    OVER_QUOTA = "surplus"


class OverQuotaKind(StrEnum):
    """What a feed brings too much of."""

    ENTRIES = "entries"
    UNSTABLE_IDS = "identities"  # each time all of its entries are others
    CHANGES = "changes"


class QuotaOverflow(NamedTuple):
    """What a feed brought beyond its share between two times: so much was counted and not kept."""

    feed_id: int
    kind: OverQuotaKind
    since: int
    last: int
    entries: int


class SkippedEntry(NamedTuple):
    """The name of an entry that was not kept, and that of its link."""

    identity_hash: bytes
    link_hash: bytes


class PollOverflow(NamedTuple):
    """What a poll did not keep: `passed` now, `still_skipped` in the document of what was passed over before.

    `refused` counts the changes that were not taken.
    """

    kind: OverQuotaKind
    newly_skipped: Sequence[SkippedEntry] = ()
    still_skipped: Collection[bytes] = ()
    refused_changes: int = 0


class Alert(NamedTuple):
    """What a poll makes known about its feed, which fails or failed since a time.

    `texts` are the message by language, `language` is that of servers whose own Telex does not speak.
    """

    feed_id: int
    kind: AlertKind
    since: int
    texts: Mapping[str, str]
    language: str


class PushSubscription(NamedTuple):
    """What was agreed with the hub of a feed, which calls an address with the `token`.

    `asked` is since when the hub is to verify what it was asked for, `leased_until` how long it pushes, `due`
    when to ask it again, `failures` how often it was asked in vain, `missed` whether it failed to push
    something that a poll found (0 or 1).
    """

    feed_id: int
    hub: str
    topic: str
    token: str
    secret: str
    due: int
    asked: int | None = None
    leased_until: int = 0
    failures: int = 0
    missed: int = 0


class RetractionCandidate(NamedTuple):
    """An article that its feed may take back: a recent one, or one that vanished."""

    article_id: int
    published: int
    missing_since: int | None


FilterMatcher = Callable[[str, Sequence[Filter]], Sequence[Filter]]
"""Which of some filters keep the new article with a key out; none where it is posted."""


def match_no_filters(_key: str, _filters: Sequence[Filter]) -> Sequence[Filter]:
    """Nothing is kept out."""
    return ()


class EncryptionCounts(NamedTuple):
    """How many feeds have an address that may let somebody in, and how many of these are encrypted."""

    with_password: int
    encrypted: int


class KnownArticle(NamedTuple):
    """What intake needs of an article to recognise its entry."""

    article_id: int
    key: str
    url: str
    title: str
    published: int
    fingerprint: bytes
    page: str
    change_count: int = 0
    changed_at: int | None = None


class UnchangedPoll(NamedTuple):
    """A poll of a feed in good order that found nothing at all changed; times in seconds of UTC."""

    feed_id: int
    interval: int
    next_poll: int
    polled_at: int


@dataclass(frozen=True, slots=True)
class ChangedArticle:
    """An article whose entry changed. It keeps its key; its terms are made again from what is stored."""

    article_id: int
    new: NewArticle


@dataclass(frozen=True, slots=True)
class IntakeResult:
    """What a document brings: `new` in its order, what changed, and further identities of known articles.

    `missed` says that the document has entries of which none was known; `vanished` are the articles that it
    no longer has though it should, `returned` those that it has again. In `overflow` is what is not kept.
    `used` is the share of each server that follows it that is used, in seconds until that is free again.
    """

    new: Sequence[NewArticle] = ()
    changed: Sequence[ChangedArticle] = ()
    aliases: Sequence[tuple[bytes, int]] = ()
    no_known_entries: bool = False
    missing_ids: Sequence[int] = ()
    reappeared_ids: Sequence[int] = ()
    overflow: PollOverflow | None = None
    quota_used_seconds: float = 0.0

    @property
    def has_writes(self) -> bool:
        """Whether there is anything to write but the feed."""
        told = (self.new, self.changed, self.aliases, self.missing_ids, self.reappeared_ids, self.overflow)
        return any(told)


@dataclass(frozen=True, slots=True)
class PollWrite:
    """A poll that found something, as it is to be written: the feed after it, and what its document brings.

    `first` says that nothing was ever kept of this feed: its articles are a backlog of which only the newest
    is posted. Beyond `catch_up_after` waiting posts a place the oldest share a catch-up. With `read_pages` it
    is written down which articles have a page to be read for more than a teaser. `filter_matcher` is asked
    about the filters as they are then, from a thread. `servers` are those whose share new articles use.
    """

    feed: Feed
    decision: IntakeResult
    _: KW_ONLY
    is_first_poll: bool
    catch_up_after: int
    alert: Alert | None = None
    read_pages: bool = False
    filter_matcher: FilterMatcher = match_no_filters
    servers: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class PollWriteResult:
    """What a poll brought: the new articles, oldest first, and the channels that are owed something."""

    new_ids: tuple[int, ...] = ()
    channel_ids: tuple[int, ...] = ()


class OutletIcon(NamedTuple):
    """An icon of an outlet: when it was fetched, its colour, when it was shown last (None: it cannot be)."""

    name: str
    fetched_at: int
    colour: int | None
    last_shown_at: int | None
