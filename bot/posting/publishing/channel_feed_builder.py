"""Build the web feeds of a channel: its articles, its stories with their outlets, its digests."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import groupby
from uuid import UUID, uuid5

import discord

from bot.core import i18n
from bot.core.i18n import _
from bot.core.models import Article
from bot.digests import digest_selection
from bot.posting.post_languages import PostLanguages
from bot.posting.publishing.feed_serializers import FeedItem, PublishedFeed
from bot.posting.rendering import buttons, digest_rendering
from bot.store import Store
from bot.store.records.outbox_records import ChannelFeed, ChannelFeedItem, SentDigest
from bot.text import boilerplate, discord_text, excerpts

MAX_ENTRIES = 50
"""Maximum number of entries of a feed of posts or stories."""
MAX_DIGEST_ENTRIES = 10
"""Maximum number of entries of a feed of digests."""

_UUID_NAMESPACE = UUID("6a8f2a4e-5f0e-4d5c-9d0a-0c4a7f1d2b33")
_MAX_TITLE_LENGTH, _MAX_NAME_LENGTH = 300, 100
_MAX_EXCERPT_LENGTH, _MAX_CHARS_READ = 500, 4_000
_MAX_OUTLETS, _MAX_TAGS = 10, 10


@dataclass(frozen=True, slots=True)
class ChannelFeedBuilder:
    """Builds the web feeds of what channels posted."""

    store: Store
    languages: PostLanguages

    async def build(
        self,
        shared: ChannelFeed,
        guild: discord.Guild,
        name: str,
        readable: Collection[int],
        content_type: str,
        feed_url: str,
    ) -> PublishedFeed | None:
        """Return a web feed of a channel, or None if `content_type` is not posts, stories or digest.

        `name` is the channel's. `readable` are the ids of feeds that digests may mention. `feed_url` is the
        web feed's own URL. Raises StoreError.
        """
        language = await self.languages.for_channel(guild.id, shared.channel_id)
        with i18n.language_scope(language):
            match content_type:
                case "posts":
                    entries = [_article_entry(one) for one in await self._recent_posts(shared)]
                case "stories":
                    entries = [
                        _story_entry(told) for told in _group_by_story(await self._recent_posts(shared))
                    ]
                case "digest":
                    entries = await self._digest_entries(shared, guild, readable)
                case _:
                    return None
            title = _title_template(content_type).format(
                channel=f"#{discord_text.to_plain_line(name, _MAX_NAME_LENGTH)}"
            )
            return PublishedFeed(
                id=_entry_urn("channel", f"{shared.channel_id}:{content_type}"),
                title=f"{title} · {discord_text.to_plain_line(guild.name, _MAX_NAME_LENGTH)}",
                url=f"https://discord.com/channels/{guild.id}/{shared.channel_id}",
                address=feed_url,
                publisher=discord_text.to_plain_line(guild.name, _MAX_NAME_LENGTH) or "Telex",
                language=language,
                updated=max((entry.updated for entry in entries), default=shared.created),
                entries=tuple(entries),
            )

    async def _recent_posts(self, shared: ChannelFeed) -> list[ChannelFeedItem]:
        found = await self.store.channel_feeds.posted_articles(shared.channel_id, MAX_ENTRIES)
        return [one for one in found if buttons.is_link(one.article.url)]

    async def _digest_entries(
        self, shared: ChannelFeed, guild: discord.Guild, feed_ids: Collection[int]
    ) -> list[FeedItem]:
        sent = await self.store.channel_feeds.digests(shared.channel_id, MAX_DIGEST_ENTRIES)
        return [
            _digest_entry(
                one,
                digest_selection.digest_from_json(one.payload).restricted_to(feed_ids),
                f"https://discord.com/channels/{guild.id}/{one.thread_or_channel_id}/{one.message_id}",
                discord_text.to_plain_line(guild.name, _MAX_NAME_LENGTH) or "Telex",
            )
            for one in sent
        ]


def _group_by_story(posted: Iterable[ChannelFeedItem]) -> Iterator[list[ChannelFeedItem]]:
    """Yield the articles of each message together, and those of a catch-up one by one."""
    for _id, told in groupby(posted, lambda one: one.dispatch_id):
        articles = list(told)
        if sum(not one.is_joined for one in articles) > 1:
            yield from ([one] for one in articles)
        else:
            yield articles


def _article_entry(one: ChannelFeedItem) -> FeedItem:
    article = one.article
    return FeedItem(
        id=_entry_urn("article", article.key),
        title=_title(article),
        url=article.url,
        content=_content([_excerpt(article)]),
        author=", ".join(dict.fromkeys(filter(None, (_name(article.author or ""), _outlet(article))))),
        published=article.published,
        updated=_last_changed(one),
        tags=tuple(dict.fromkeys(filter(None, map(_name, article.tags[:_MAX_TAGS])))),
        image=article.image if article.image and buttons.is_link(article.image) else None,
    )


def _story_entry(told: Sequence[ChannelFeedItem]) -> FeedItem:
    """Return the entry of a message, with the other outlets that report the story."""
    first, others = told[0], told[1:]
    lead = _excerpt(first.article)
    also = [_link(one.article.url, f"{_outlet(one.article)}: {_title(one.article)}") for one in others]
    return replace(
        _article_entry(first),
        id=_entry_urn("story", f"{first.dispatch_id}:{first.article.key}"),
        content=_content([lead], escape(_("Also")), also[:_MAX_OUTLETS]),
        updated=max(_last_changed(one) for one in told),
    )


def _digest_entry(
    sent: SentDigest, edition: digest_selection.DigestContent, url: str, publisher: str
) -> FeedItem:
    parts: list[str] = []
    for section in edition.sections:
        lines = []
        for story in section.stories:
            told = [sent.articles[id_] for id_, _feed in story.articles if id_ in sent.articles]
            told = [one for one in told if buttons.is_link(one.url)]
            if told:
                names = ", ".join(dict.fromkeys(map(_outlet, told[:_MAX_OUTLETS])))
                lines.append(f"{_link(told[0].url, _title(told[0]))} ({escape(names)})")
        if lines:
            parts.append(
                _content((), escape(discord_text.to_plain_line(section.topic or "", _MAX_NAME_LENGTH)), lines)
            )
    return FeedItem(
        id=_entry_urn("digest", f"{sent.thread_or_channel_id}:{sent.message_id}"),
        title=digest_rendering.headline(edition),
        url=url,
        content="".join(parts),
        author=publisher,
        published=sent.sent_at,
        updated=sent.sent_at,
    )


def _title_template(what: str) -> str:
    names = {"posts": _("Posts in {channel}"), "stories": _("Stories in {channel}")}
    return names.get(what) or _("Digests in {channel}")


def _content(paragraphs: Iterable[str], heading: str = "", lines: Sequence[str] = ()) -> str:
    """Return HTML of plain `paragraphs`, and a list of `lines` of HTML under a heading."""
    told: Iterator[str] = (f"<p>{escape(each)}</p>" for each in paragraphs if each)
    listed = "".join(f"<li>{line}</li>" for line in lines)
    above = f"<p><strong>{heading}</strong></p>" if heading and listed else ""
    return "".join((*told, above, f"<ul>{listed}</ul>" if listed else ""))


def _title(article: Article) -> str:
    title = discord_text.to_plain_line(article.title, _MAX_TITLE_LENGTH) or discord_text.to_plain_line(
        article.url, _MAX_TITLE_LENGTH
    )
    return title if article.retracted is None else _("Withdrawn: {title}").format(title=title)


def _excerpt(article: Article) -> str:
    text = discord_text.to_plain_line(
        article.summary[:_MAX_CHARS_READ] or boilerplate.strip_boilerplate(article.text[:_MAX_CHARS_READ])
    )
    return excerpts.excerpt(text, _MAX_EXCERPT_LENGTH)


def _outlet(article: Article) -> str:
    return _name(article.outlet) or "Telex"


def _name(text: str) -> str:
    return discord_text.to_plain_line(text, _MAX_NAME_LENGTH)


def _link(url: str, text: str) -> str:
    return f'<a href="{escape(url)}">{escape(text)}</a>'


def _last_changed(one: ChannelFeedItem) -> int:
    """Return the timestamp of the last visible change of an article in its channel."""
    return max(one.shown_at, one.article.corrected or 0, one.article.retracted or 0)


def _entry_urn(kind: str, name: str) -> str:
    """Return a permanent id: a version 5 UUID (RFC 9562) as a URN."""
    return uuid5(_UUID_NAMESPACE, f"{kind}:{name}").urn
