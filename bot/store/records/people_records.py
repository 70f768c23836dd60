"""Records of users: bookmarks, watches, opinions and assistant tokens."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from bot.core.models import Article
from bot.core.reasons import ReasonCode
from bot.store.records.content_records import ArticleProfile


class ProposalDecision(StrEnum):
    """Way in which the proposal of a feed ended."""

    APPROVED = "approved"
    DECLINED = "declined"
    EXPIRED = "expired"  # Nobody decided in time.
    WITHDRAWN = "withdrawn"  # Everybody who proposed it took that back, or had their data deleted.


class ProposalRejection(ReasonCode):
    """Reason why a feed cannot be proposed, or a proposal not be decided on, of which a sentence is made."""

    BLOCKED_BY_MANAGER = "proposals-blocked"
    TOO_MANY_OF_USER = "too-many-own-proposals"  # count
    TOO_MANY_OF_SERVER = "too-many-proposals"  # count
    ALREADY_PROPOSED = "already-proposed"
    ENOUGH_PROPOSERS = "enough-proposers"  # count
    ALREADY_DECIDED = "already-decided"  # decision; user: the id of who decided, 0 for nobody
    GONE = "proposal-gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposer:
    """A user who proposes a feed, with the channel and the message in which they did.

    `message_id` is None if they used a command. `language` is that of their client.
    """

    id: int
    user_id: int
    reason: str
    language: str
    channel_id: int
    message_id: int | None
    proposed_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A proposed feed, for a channel, with everybody who proposes it; open while `decision` is None.

    `target_channel_id` is the channel in which the feed would be posted. `preview` describes the feed for the
    message to managers. `decided_by` is the id of the manager who decided, or None; `decision_reason` is their line to
    the proposers, or "". Times are Unix times in seconds.
    """

    id: int
    server_id: int
    target_channel_id: int
    url: str
    title: str
    preview: str
    created_at: int
    closes_at: int
    decision: ProposalDecision | None
    decided_at: int | None
    decided_by: int | None
    decision_reason: str
    proposers: tuple[Proposer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalDraft:
    """A feed that a user is about to propose, for `target_channel_id`, in the channel `channel_id`.

    `message_id` is the message with the link, or None. `dm_channel_id` is the channel of the user's direct
    messages, or None if Discord does not open it.
    """

    server_id: int
    target_channel_id: int
    url: str
    title: str
    preview: str
    user_id: int
    reason: str
    language: str
    channel_id: int
    message_id: int | None
    dm_channel_id: int | None


class OpinionKind(StrEnum):
    """Kind of a user's opinion of an article: stated by a reaction, or implied by an action."""

    OPENED = "opened"
    """Opening of the menu of the article's post by the user."""
    LIKED = "liked"
    DISLIKED = "disliked"
    BOOKMARKED = "bookmarked"


class BookmarkFeed(NamedTuple):
    """Web feed of a user's bookmarks, whose address was created at `created_at` (Unix time in seconds).

    `language` is the language of its title.
    """

    user_id: int
    language: str
    created_at: int


class TrainingArticle(NamedTuple):
    """An article from which a model learns what a server likes (its taste).

    `first_seen_at` (Unix time in seconds) is when it was first posted in the period or, if it was not, first rated.
    """

    article_id: int
    first_seen_at: int
    profile: ArticleProfile


class StorySize(NamedTuple):
    """Numbers of articles on a story and of their outlets."""

    article_count: int
    outlet_count: int


class Opinion(NamedTuple):
    """A user's opinion of an article, given at `given_at` (Unix time in seconds)."""

    article_id: int
    user_id: int
    kind: OpinionKind
    given_at: int


class FeedReactionCounts(NamedTuple):
    """Counts of a feed's posts in a server, and of people's reactions to these posts.

    `article_count` counts an article once that was posted in several channels. At least three people are behind each
    number of reactions that is not 0, and behind each difference between two such numbers. `mute_count` is how often
    the story of an article was muted. `kept_article_ids` are the ids of the articles whose bookmarks or likes are
    counted.
    """

    feed_id: int
    article_count: int = 0
    post_count_by_channel: Mapping[int, int] = MappingProxyType({})
    bookmark_count: int = 0
    like_count: int = 0
    dislike_count: int = 0
    mute_count: int = 0
    kept_article_ids: frozenset[int] = frozenset()


class PostedTitle(NamedTuple):
    """Title of an article that was posted."""

    article_id: int
    title: str
    language: str | None


class ChannelPost(NamedTuple):
    """A post in a channel: its article's feed and date, and how many outlets report the story.

    Times are Unix times in seconds.
    """

    channel_id: int
    feed_id: int
    sent_at: int
    published: int
    outlet_count: int


class TasteTrainingData(NamedTuple):
    """Articles and opinions from which a model learns what a server likes (its taste); empty without opinions."""

    articles: Sequence[TrainingArticle]
    opinions: Sequence[Opinion]


class UserOpinion(NamedTuple):
    """An opinion of an article as it is shown to the user who gave it; `given_at` is Unix time in seconds."""

    server_id: int
    url: str
    kind: OpinionKind
    given_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BookmarkFilter:
    """Conditions on a user's bookmarks, which must all hold.

    Conditions that are None, False or empty do not apply. `search_text` is part of the title, the outlet's name
    or the note; `tag` is one of the user's tags. Both ignore accents and case. Bookmarks made in the
    servers with `hidden_server_ids` are left out.
    """

    search_text: str | None = None
    tag: str | None = None
    only_unread: bool = False
    hidden_server_ids: Collection[int] = ()


class WatchQuery(NamedTuple):
    """The fields of a watch (saved search) that are needed to match articles against it."""

    id: int
    server_id: int
    query: str


class Arrival(NamedTuple):
    """A new article to match against saved searches, with the ids of the servers that follow its feed."""

    article: Article
    server_ids: frozenset[int]


class AssistantToken(NamedTuple):
    """A token with which AI assistants read a server's public channels.

    `hash_hex` is the hash of the token as hexadecimal text. Times are Unix times in seconds; `last_used_at` is None if
    the token was never used.
    """

    hash_hex: str
    created_at: int
    last_used_at: int | None

    @property
    def short_name(self) -> str:
        """Return the first 8 characters of the hash, shown to users to identify the token."""
        return self.hash_hex[:8]
