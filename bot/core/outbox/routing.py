"""Routing of new articles in a channel: into posts, into posts that are held for now, or into a digest."""

from dataclasses import dataclass
from typing import NamedTuple

from bot.core.preferences import MAX_OUTLETS_WAIT_SECONDS, TOP_STORY_WINDOW_SECONDS


class PendingArticle(NamedTuple):
    """An article to be posted in a channel, or listed in its digest.

    `key` identifies the article, `page_key` its web page, in every database. `published_at` is Unix time in seconds.
    """

    article_id: int
    key: str
    page_key: str
    published_at: int


class ChannelRouting(NamedTuple):
    """Settings of a channel that decide where its articles go."""

    is_digest_only: bool
    min_outlets: int | None
    max_top_stories_per_day: int | None


@dataclass(frozen=True, slots=True)
class PostRoute:
    """Route of articles that are posted, each on its own or many in one message (a catch-up)."""


@dataclass(frozen=True, slots=True)
class HoldRoute:
    """Route of articles whose posts are held until more outlets report the story or the day's best are selected.

    At `expires_at` (Unix time in seconds), a post that is still held is dropped.
    """

    expires_at: int


@dataclass(frozen=True, slots=True)
class DigestRoute:
    """Route of articles that are reserved for the channel's next digest."""


Route = PostRoute | HoldRoute | DigestRoute


def choose_route(routing: ChannelRouting, now: int) -> Route:
    """Return where new articles of a channel go at a Unix time in seconds: posts, held posts or the digest."""
    if routing.is_digest_only:
        return DigestRoute()
    if routing.min_outlets is not None:
        return HoldRoute(now + MAX_OUTLETS_WAIT_SECONDS)
    if routing.max_top_stories_per_day is not None:
        return HoldRoute(now + TOP_STORY_WINDOW_SECONDS)
    return PostRoute()
