"""What the store gives and takes, beside the models: rows as data, free of any engine."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from bot.core.choices import Filter
from bot.core.models import Article, Fate, NewArticle


class ArticleChange(NamedTuple):
    """An article is new, was changed or deleted. `mark` is this change's alone, in whatever database."""

    number: int
    mark: int
    article_id: int


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


class PageEnd(StrEnum):
    """How the reading of an article's page ended, beside the codes of `feeds.fetch_errors`."""

    READ = "read"
    PRIVATE = "private"
    SHARED = "shared"
    BACKLOG = "backlog"
    TOO_MANY = "too-many"
    FORGOTTEN = "forgotten"


class AlertKind(StrEnum):
    """What an alert tells."""

    BROKEN = "broken"
    GONE = "gone"
    BACK = "back"
    SURPLUS = "surplus"


class SurplusKind(StrEnum):
    """What a feed brings too much of."""

    ENTRIES = "entries"
    IDENTITIES = "identities"  # each time all of its entries are others
    CHANGES = "changes"


class Surplus(NamedTuple):
    """What a feed brought beyond its share between two times: so much was counted and not kept."""

    feed_id: int
    kind: SurplusKind
    since: int
    last: int
    entries: int


class PassedOver(NamedTuple):
    """The name of an entry that was not kept, and that of its link."""

    name: bytes
    link: bytes


class Excess(NamedTuple):
    """What a poll did not keep: `passed` now, `still` in the document of what was passed over before.

    `refused` counts the changes that were not taken.
    """

    kind: SurplusKind
    passed: Sequence[PassedOver] = ()
    still: Collection[bytes] = ()
    refused: int = 0


class Alert(NamedTuple):
    """What a poll makes known about its feed, which fails or failed since a time.

    `texts` are the message by language, `language` is that of servers whose own Telex does not speak.
    """

    feed_id: int
    kind: AlertKind
    since: int
    texts: Mapping[str, str]
    language: str


class Kept(NamedTuple):
    """What tells whether an article that a file brings is there already."""

    key: str
    url: str
    page: str
    outlet: str
    title: str
    published: int


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


class Watched(NamedTuple):
    """An article that its feed may take back: a recent one, or one that vanished."""

    article_id: int
    published: int
    missing_since: int | None


class Other(NamedTuple):
    """An article of the same page as one that a digest may tell of."""

    article_id: int
    feed_id: int
    outlet: str


class Teller(NamedTuple):
    """An outlet that tells of the same event as another, and where."""

    outlet: str
    url: str


class BestChoice(NamedTuple):
    """A channel in which the best stories are to be chosen: `number` a day, `due` since a time."""

    server_id: int
    channel_id: int
    number: int
    due: int
    time_zone: str


class ToldArticle(NamedTuple):
    """As much of an article as tells whether people like it."""

    title: str
    outlet: str
    language: str | None
    tags: tuple[str, ...]


class Opinion(StrEnum):
    """What a person made of an article."""

    OPENED = "opened"  # the menu of its post
    LIKED = "liked"
    DISLIKED = "disliked"
    BOOKMARKED = "bookmarked"


class Shown(NamedTuple):
    """An article that was posted in a server, and when."""

    article_id: int
    sent: int
    article: ToldArticle


class Verdict(NamedTuple):
    """Somebody's opinion of an article, and when they gave it."""

    article_id: int
    person_id: int
    opinion: Opinion
    given: int


class Evidence(NamedTuple):
    """What a server's taste is learnt from; nothing where nobody judged anything."""

    shown: Sequence[Shown]
    verdicts: Sequence[Verdict]


class GivenOpinion(NamedTuple):
    """A person's opinion as they may see it."""

    server_id: int
    url: str
    opinion: Opinion
    given: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedBookmarks:
    """Which bookmarks of a person: everything that is not None, False or empty has to hold.

    `match` is part of the title, the outlet's name or the note, `tag` is one of the person's own, accents and
    case ignored. Bookmarks made in the servers `hidden` are left out.
    """

    match: str | None = None
    tag: str | None = None
    unread: bool = False
    hidden: Collection[int] = ()


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


class Kin(NamedTuple):
    """An article that another one seems to tell the same as, and how alike they are, from 0 to 1."""

    article_id: int
    likeness: float


class EarlierNotice(NamedTuple):
    """A notice that was sent: the name of its dispatch, its message, and the articles that it told of."""

    what: str
    message_id: int
    article_ids: Collection[int]


class Page(NamedTuple):
    """A page to be read: its article, the address, and what the feed told of it."""

    article_id: int
    page: str
    url: str
    title: str
    teaser: str
    attempts: int


class Reading(NamedTuple):
    """How far the reading of an article's page is: `due` again at a time, or over."""

    article_id: int
    outcome: str | None
    due: int | None
    ended: int | None
    attempts: int


class PostedArticle(NamedTuple):
    """An article of a post that another may join: whether it is the post's own, and how alike they are."""

    feed_id: int
    published: int
    is_first: bool
    likeness: float | None


Belonging = Callable[[int, int, Sequence[PostedArticle]], float]
"""How much an article of a feed, published at a time, belongs to a post of these; below 0: not at all."""


def apart(_feed_id: int, _published: int, _post: Sequence[PostedArticle]) -> float:
    """Nothing belongs together."""
    return -1.0


@dataclass(frozen=True, slots=True)
class Kinships:
    """What new articles seem to tell the same as, by their keys, and what decides which post they join."""

    by_key: Mapping[str, Sequence[Kin]] = field(default_factory=dict)
    belonging: Belonging = apart


NO_KIN = Kinships()

KeptOutBy = Callable[[str, Sequence[Filter]], Sequence[Filter]]
"""Which of some filters keep the new article with a key out; none where it is posted."""


def passing(_key: str, _filters: Sequence[Filter]) -> Sequence[Filter]:
    """Nothing is kept out."""
    return ()


class LongestWaits(NamedTuple):
    """Seconds until a dispatch, a channel or the reading of a page is tried again, at the most."""

    dispatch: int
    channel: int
    page: int


class Titled(NamedTuple):
    """A title with what tells where and when it stood. `published` is in seconds of UTC."""

    published: int
    outlet: str
    page: str
    title: str


class Titles(NamedTuple):
    """Titles of a time; each stands for `step` articles, of which there were too many to read."""

    step: int
    titles: list[Titled]


class EncodedCounts(NamedTuple):
    """How many articles have a vector, and how many there are."""

    encoded: int
    articles: int


class SealedCounts(NamedTuple):
    """How many feeds with a password there are, and how many of these lie encrypted."""

    private: int
    sealed: int


class Known(NamedTuple):
    """What intake needs of an article to recognise its entry."""

    article_id: int
    key: str
    url: str
    title: str
    published: int
    fingerprint: bytes
    page: str
    changes: int = 0
    updated: int | None = None


class Unchanged(NamedTuple):
    """A poll of a feed in good order that found nothing at all changed; times in seconds of UTC."""

    feed_id: int
    interval: int
    next_poll: int
    polled: int


@dataclass(frozen=True, slots=True)
class ChangedArticle:
    """An article whose entry changed. It keeps its key; its terms are made again from what is stored."""

    article_id: int
    new: NewArticle


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a poll brought: the new articles, oldest first, and the channels that are owed something."""

    new_ids: tuple[int, ...] = ()
    channel_ids: tuple[int, ...] = ()


class Standing(NamedTuple):
    """As much of a watch as matching needs."""

    id: int
    server_id: int
    query: str


class Arrival(NamedTuple):
    """A new article that watches are to be held against, and the servers that follow its feed."""

    article: Article
    server_ids: frozenset[int]


class Brief(NamedTuple):
    """As much of an article as tells which event it is about."""

    article_id: int
    key: str
    feed_id: int
    title: str
    lead: str
    language: str | None
    published: int


class OutletIcon(NamedTuple):
    """An icon of an outlet: when it was fetched, its colour, when it was shown last (None: it cannot be)."""

    name: str
    looked: int
    colour: int | None
    shown: int | None


class WrittenKind(StrEnum):
    """What a language model wrote of an article."""

    SUMMARY = "summary"
    TRANSLATION = "translation"


class Untranslated(NamedTuple):
    """A post in a channel whose article is in another language than the channel's, `language`."""

    article_id: int
    channel_id: int
    language: str


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


class TableShape(NamedTuple):
    """A table: columns, its key in order, and by column what it points to, and whether NULL may be there."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    points_to: Mapping[str, tuple[str, bool]]


class AssistantToken(NamedTuple):
    """A token of a server for assistants: the hash that is kept of it, when it was made and last used."""

    name: str
    created: int
    used: int | None

    @property
    def shown(self) -> str:
        """As much of its name as people tell it by."""
        return self.name[:8]
