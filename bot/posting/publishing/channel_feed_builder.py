"""Building of a channel's web feeds: of its articles, of its stories with their outlets, of its digests.

An item is an article as a message of the channel showed it.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import groupby
from uuid import UUID, uuid5

import discord

from bot.core import i18n
from bot.core.i18n import _
from bot.core.models import Article
from bot.digests.digest_models import DigestContent, digest_from_json
from bot.posting.post_languages import PostLanguages
from bot.posting.publishing.feed_serializers import PublishedEntry, PublishedFeed
from bot.posting.rendering import buttons, digest_rendering
from bot.store import Store
from bot.store.records.outbox_records import ChannelFeed, ChannelFeedItem, SentDigest
from bot.text import boilerplate, discord_text, excerpts

MAX_ENTRIES = 50
"""Maximum number of entries of a web feed of posts or stories."""
MAX_DIGEST_ENTRIES = 10
"""Maximum number of entries of a web feed of digests."""

_UUID_NAMESPACE = UUID("6a8f2a4e-5f0e-4d5c-9d0a-0c4a7f1d2b33")
_MAX_TITLE_LENGTH, _MAX_NAME_LENGTH = 300, 100
_MAX_EXCERPT_LENGTH, _MAX_CHARS_READ = 500, 4_000
_MAX_OUTLETS, _MAX_TAGS = 10, 10


@dataclass(frozen=True, slots=True)
class ChannelFeedBuilder:
    """Builder of web feeds of the posts, the stories or the digests of a channel."""

    store: Store
    languages: PostLanguages

    async def build(
        self,
        channel_feed: ChannelFeed,
        guild: discord.Guild,
        channel_name: str,
        readable_feed_ids: Collection[int],
        entry_kind: str,
        feed_url: str,
    ) -> PublishedFeed | None:
        """Return a web feed of a channel, or None if `entry_kind` is not posts, stories or digest.

        Digests mention only the feeds in `readable_feed_ids`. `feed_url` is the URL at which the web feed is
        published. Raises StoreError.
        """
        language = await self.languages.for_channel(guild.id, channel_feed.channel_id)
        with i18n.language_scope(language):
            match entry_kind:
                case "posts":
                    entries = [build_article_entry(item) for item in await self._load_recent_items(channel_feed)]
                case "stories":
                    entries = [
                        _story_entry(story_items)
                        for story_items in _group_by_story(await self._load_recent_items(channel_feed))
                    ]
                case "digest":
                    entries = await self._load_digest_entries(channel_feed, guild, readable_feed_ids)
                case _:
                    return None
            feed_title = _title_template(entry_kind).format(
                channel=f"#{discord_text.to_plain_line(channel_name, _MAX_NAME_LENGTH)}"
            )
            return PublishedFeed(
                id=build_urn("channel", f"{channel_feed.channel_id}:{entry_kind}"),
                title=f"{feed_title} · {discord_text.to_plain_line(guild.name, _MAX_NAME_LENGTH)}",
                page_url=f"https://discord.com/channels/{guild.id}/{channel_feed.channel_id}",
                feed_url=feed_url,
                publisher=discord_text.to_plain_line(guild.name, _MAX_NAME_LENGTH) or "Telex",
                language=language,
                updated=max((entry.updated for entry in entries), default=channel_feed.created_at),
                entries=tuple(entries),
            )

    async def _load_recent_items(self, channel_feed: ChannelFeed) -> list[ChannelFeedItem]:
        items = await self.store.channel_feeds.list_posted_articles(channel_feed.channel_id, MAX_ENTRIES)
        return [item for item in items if buttons.is_web_url(item.article.url)]

    async def _load_digest_entries(
        self, channel_feed: ChannelFeed, guild: discord.Guild, feed_ids: Collection[int]
    ) -> list[PublishedEntry]:
        sent_digests = await self.store.channel_feeds.list_digests(channel_feed.channel_id, MAX_DIGEST_ENTRIES)
        return [
            _digest_entry(
                sent_digest,
                digest_from_json(sent_digest.content_json).restrict_to_feeds(feed_ids),
                f"https://discord.com/channels/{guild.id}/{sent_digest.thread_or_channel_id}/{sent_digest.message_id}",
                discord_text.to_plain_line(guild.name, _MAX_NAME_LENGTH) or "Telex",
            )
            for sent_digest in sent_digests
        ]


def _group_by_story(items: Iterable[ChannelFeedItem]) -> Iterator[list[ChannelFeedItem]]:
    """Yield the articles of each message as a group, but the articles of a catch-up, a list message, one by one."""
    for _id, message_items in groupby(items, lambda item: item.dispatch_id):
        story_items = list(message_items)
        if sum(not story_item.is_joined for story_item in story_items) > 1:
            yield from ([catch_up_item] for catch_up_item in story_items)
        else:
            yield story_items


def build_article_entry(item: ChannelFeedItem) -> PublishedEntry:
    """Return the web feed entry of an article."""
    article = item.article
    return PublishedEntry(
        id=build_urn("article", article.key),
        title=_article_title(article),
        url=article.url,
        content=_content_html([_article_excerpt(article)]),
        author=", ".join(dict.fromkeys(filter(None, (_plain_name(article.author or ""), _outlet_name(article))))),
        published=article.published,
        updated=_last_changed_at(item),
        tags=tuple(dict.fromkeys(filter(None, map(_plain_name, article.tags[:_MAX_TAGS])))),
        image_url=article.image_url if article.image_url and buttons.is_web_url(article.image_url) else None,
        comments_url=buttons.get_comments_url(article),
        comment_count=article.comment_count,
    )


def _story_entry(story_items: Sequence[ChannelFeedItem]) -> PublishedEntry:
    """Return the web feed entry of a message, with links to the articles of other outlets on its story."""
    first_item, other_items = story_items[0], story_items[1:]
    lead_excerpt = _article_excerpt(first_item.article)
    outlet_links = [
        _link_html(
            other_item.article.url,
            f"{_outlet_name(other_item.article)}: {_article_title(other_item.article)}",
        )
        for other_item in other_items
    ]
    return replace(
        build_article_entry(first_item),
        id=build_urn("story", f"{first_item.dispatch_id}:{first_item.article.key}"),
        content=_content_html([lead_excerpt], escape(_("Also")), outlet_links[:_MAX_OUTLETS]),
        updated=max(_last_changed_at(item) for item in story_items),
    )


def _digest_entry(sent_digest: SentDigest, digest_content: DigestContent, url: str, publisher: str) -> PublishedEntry:
    section_html_parts: list[str] = []
    for section in digest_content.sections:
        story_lines = []
        for story in section.stories:
            articles = [
                sent_digest.article_by_id[article_id]
                for article_id, _feed in story.article_and_feed_ids
                if article_id in sent_digest.article_by_id
            ]
            articles = [article for article in articles if buttons.is_web_url(article.url)]
            if articles:
                outlet_names = ", ".join(dict.fromkeys(map(_outlet_name, articles[:_MAX_OUTLETS])))
                story_lines.append(
                    f"{_link_html(articles[0].url, _article_title(articles[0]))} ({escape(outlet_names)})"
                )
        if story_lines:
            section_html_parts.append(
                _content_html(
                    (), escape(discord_text.to_plain_line(section.topic or "", _MAX_NAME_LENGTH)), story_lines
                )
            )
    return PublishedEntry(
        id=build_urn("digest", f"{sent_digest.thread_or_channel_id}:{sent_digest.message_id}"),
        title=digest_rendering.digest_headline(digest_content),
        url=url,
        content="".join(section_html_parts),
        author=publisher,
        published=sent_digest.sent_at,
        updated=sent_digest.sent_at,
    )


def _title_template(entry_kind: str) -> str:
    template_by_entry_kind = {"posts": _("Posts in {channel}"), "stories": _("Stories in {channel}")}
    return template_by_entry_kind.get(entry_kind) or _("Digests in {channel}")


def _content_html(paragraphs: Iterable[str], heading: str = "", lines: Sequence[str] = ()) -> str:
    """Return HTML of plain text `paragraphs`, followed by a list of `lines` of HTML under a heading."""
    paragraph_elements: Iterator[str] = (f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs if paragraph)
    list_items = "".join(f"<li>{line}</li>" for line in lines)
    heading_element = f"<p><strong>{heading}</strong></p>" if heading and list_items else ""
    return "".join((*paragraph_elements, heading_element, f"<ul>{list_items}</ul>" if list_items else ""))


def _article_title(article: Article) -> str:
    title = discord_text.to_plain_line(article.title, _MAX_TITLE_LENGTH) or discord_text.to_plain_line(
        article.url, _MAX_TITLE_LENGTH
    )
    return title if article.retracted_at is None else _("Withdrawn: {title}").format(title=title)


def _article_excerpt(article: Article) -> str:
    text = discord_text.to_plain_line(
        article.summary[:_MAX_CHARS_READ] or boilerplate.strip_boilerplate(article.text[:_MAX_CHARS_READ])
    )
    return excerpts.make_excerpt(text, _MAX_EXCERPT_LENGTH)


def _outlet_name(article: Article) -> str:
    return _plain_name(article.outlet) or "Telex"


def _plain_name(text: str) -> str:
    return discord_text.to_plain_line(text, _MAX_NAME_LENGTH)


def _link_html(url: str, text: str) -> str:
    return f'<a href="{escape(url)}">{escape(text)}</a>'


def _last_changed_at(item: ChannelFeedItem) -> int:
    """Return the Unix time in seconds when an article was posted, corrected or retracted last."""
    return max(item.posted_at, item.article.corrected_at or 0, item.article.retracted_at or 0)


def build_urn(kind: str, unique_name: str) -> str:
    """Return a permanent id for a feed or an entry: a version 5 UUID (RFC 9562) as a URN."""
    return uuid5(_UUID_NAMESPACE, f"{kind}:{unique_name}").urn
