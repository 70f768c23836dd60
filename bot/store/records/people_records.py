"""What people keep, watch and think."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from bot.core.models import Article
from bot.store.records.content_records import ArticleProfile


class OpinionKind(StrEnum):
    """What a person made of an article."""

    OPENED = "opened"  # the menu of its post
    LIKED = "liked"
    DISLIKED = "disliked"
    BOOKMARKED = "bookmarked"


class ShownArticle(NamedTuple):
    """An article that was posted in a server, and when."""

    article_id: int
    sent_at: int
    article: ArticleProfile


class FeedbackEvent(NamedTuple):
    """Somebody's opinion of an article, and when they gave it."""

    article_id: int
    person_id: int
    opinion: OpinionKind
    given_at: int


class TasteTrainingData(NamedTuple):
    """What a server's taste is learnt from; nothing where nobody judged anything."""

    shown: Sequence[ShownArticle]
    feedback: Sequence[FeedbackEvent]


class UserFeedback(NamedTuple):
    """A person's opinion as they may see it."""

    server_id: int
    url: str
    opinion: OpinionKind
    given_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BookmarkFilter:
    """Which bookmarks of a person: everything that is not None, False or empty has to hold.

    `match` is part of the title, the outlet's name or the note, `tag` is one of the person's own, accents and
    case ignored. Bookmarks made in the servers `hidden` are left out.
    """

    match: str | None = None
    tag: str | None = None
    unread: bool = False
    hidden: Collection[int] = ()


class ActiveWatch(NamedTuple):
    """As much of a watch as matching needs."""

    id: int
    server_id: int
    query: str


class Arrival(NamedTuple):
    """A new article that watches are to be held against, and the servers that follow its feed."""

    article: Article
    server_ids: frozenset[int]


class AssistantToken(NamedTuple):
    """A token of a server for assistants: the hash that is kept of it, when it was made and last used."""

    name: str
    created: int
    last_used_at: int | None

    @property
    def short_name(self) -> str:
        """As much of its name as people tell it by."""
        return self.name[:8]
