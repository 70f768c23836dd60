"""Building of the web feed of a user's bookmarks."""

from collections.abc import Sequence

from bot.core import i18n
from bot.core.i18n import _
from bot.core.user_models import Bookmark
from bot.posting.publishing.channel_feed_builder import build_article_entry, build_urn
from bot.posting.publishing.feed_serializers import PublishedEntry, PublishedFeed
from bot.posting.rendering import buttons
from bot.store.records.outbox_records import ChannelFeedItem
from bot.store.records.people_records import BookmarkFeed

BOOKMARKS_ENTRY_KIND = "bookmarks"
"""Last part of the URL, without the extension, of a web feed whose entries are bookmarks."""
MAX_BOOKMARK_ENTRIES = 50
"""Maximum number of entries of a web feed of bookmarks."""


def build_bookmark_feed(
    bookmark_feed: BookmarkFeed, bookmarks: Sequence[Bookmark], public_feed_url: str
) -> PublishedFeed:
    """Return the web feed of a user's bookmarks in the given order, with their tags but without their notes.

    `public_feed_url` is the URL at which the web feed is published.
    """
    with i18n.language_scope(bookmark_feed.language):
        entries = tuple(_build_entry(bookmark) for bookmark in bookmarks if buttons.is_web_url(bookmark.article.url))
        return PublishedFeed(
            id=build_urn("bookmarks", public_feed_url.rpartition(".")[0]),
            title=_("My bookmarks in Telex"),
            page_url="https://discord.com/channels/@me",
            feed_url=public_feed_url,
            publisher="Telex",
            language=bookmark_feed.language,
            updated=max((entry.updated for entry in entries), default=bookmark_feed.created_at),
            entries=entries,
        )


def _build_entry(bookmark: Bookmark) -> PublishedEntry:
    """Return the entry of a bookmark: its article, with the tags of the bookmark before those of the article."""
    article = bookmark.article._replace(tags=(*bookmark.tags, *bookmark.article.tags))
    return build_article_entry(ChannelFeedItem(article, 0, bookmark.created_at, is_joined=False))
