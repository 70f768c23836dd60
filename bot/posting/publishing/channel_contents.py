"""What the feeds of a channel hold: its articles, its stories with their outlets, its digests."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import groupby
from uuid import UUID, uuid5

import discord

from bot.core import locale
from bot.core.locale import _
from bot.core.models import Article
from bot.digests import digest_selection
from bot.posting.post_languages import PostLanguages
from bot.posting.publishing.feed_documents import Channel, Entry
from bot.posting.rendering import buttons, digest_pages
from bot.store import Store
from bot.store.records.outbox_records import ChannelFeed, PostedIn, SentDigest
from bot.text import excerpts, furniture, safe

MOST = 50
"""Entries of a feed."""
MOST_DIGESTS = 10

_NAMES = UUID("6a8f2a4e-5f0e-4d5c-9d0a-0c4a7f1d2b33")
_TITLE, _NAME = 300, 100  # UTF-16 units
_EXCERPT, _BEGINNING = 500, 4_000
_OUTLETS, _TAGS = 10, 10


@dataclass(frozen=True, slots=True)
class ChannelContents:
    """Writes down what a channel posted, for whoever reads it without Discord."""

    store: Store
    languages: PostLanguages

    async def of(
        self,
        shared: ChannelFeed,
        guild: discord.Guild,
        name: str,
        readable: Collection[int],
        what: str,
        address: str,
    ) -> Channel | None:
        """A feed of the channel with this `name`: its posts, stories or digest. None for another `what`.

        Digests tell of the feeds that are `readable` there. `address` is its own. Raises StoreError.
        """
        language = await self.languages.of(guild.id, shared.channel_id)
        with locale.use(language):
            match what:
                case "posts":
                    entries = [_article_entry(one) for one in await self._posted(shared)]
                case "stories":
                    entries = [_story_entry(told) for told in _stories(await self._posted(shared))]
                case "digest":
                    entries = await self._digests(shared, guild, readable)
                case _:
                    return None
            title = _kind(what).format(channel=f"#{safe.plain(name, _NAME)}")
            return Channel(
                id=_id("channel", f"{shared.channel_id}:{what}"),
                title=f"{title} · {safe.plain(guild.name, _NAME)}",
                url=f"https://discord.com/channels/{guild.id}/{shared.channel_id}",
                address=address,
                publisher=safe.plain(guild.name, _NAME) or "Telex",
                language=language,
                updated=max((entry.updated for entry in entries), default=shared.created),
                entries=tuple(entries),
            )

    async def _posted(self, shared: ChannelFeed) -> list[PostedIn]:
        found = await self.store.channel_feeds.posted(shared.channel_id, MOST)
        return [one for one in found if buttons.is_link(one.article.url)]

    async def _digests(
        self, shared: ChannelFeed, guild: discord.Guild, feed_ids: Collection[int]
    ) -> list[Entry]:
        sent = await self.store.channel_feeds.digests(shared.channel_id, MOST_DIGESTS)
        return [
            _digest_entry(
                one,
                digest_selection.read(one.payload).narrowed(feed_ids),
                f"https://discord.com/channels/{guild.id}/{one.place_id}/{one.message_id}",
                safe.plain(guild.name, _NAME) or "Telex",
            )
            for one in sent
        ]


def _stories(posted: Iterable[PostedIn]) -> Iterator[list[PostedIn]]:
    """What tells of one event: the articles of a message, except that a catch-up has several to itself."""
    for _id, told in groupby(posted, lambda one: one.dispatch_id):
        articles = list(told)
        if sum(not one.joined for one in articles) > 1:
            yield from ([one] for one in articles)
        else:
            yield articles


def _article_entry(one: PostedIn) -> Entry:
    article = one.article
    return Entry(
        id=_id("article", article.key),
        title=_title(article),
        url=article.url,
        content=_content([_excerpt(article)]),
        author=", ".join(dict.fromkeys(filter(None, (_name(article.author or ""), _outlet(article))))),
        published=article.published,
        updated=_changed(one),
        tags=tuple(dict.fromkeys(filter(None, map(_name, article.tags[:_TAGS])))),
        image=article.image if article.image and buttons.is_link(article.image) else None,
    )


def _story_entry(told: Sequence[PostedIn]) -> Entry:
    """A message of the channel, with the outlets that tell what it tells."""
    first, others = told[0], told[1:]
    lead = _excerpt(first.article)
    also = [_link(one.article.url, f"{_outlet(one.article)}: {_title(one.article)}") for one in others]
    return replace(
        _article_entry(first),
        id=_id("story", f"{first.dispatch_id}:{first.article.key}"),
        content=_content([lead], escape(_("Also")), also[:_OUTLETS]),
        updated=max(_changed(one) for one in told),
    )


def _digest_entry(sent: SentDigest, edition: digest_selection.Edition, url: str, publisher: str) -> Entry:
    parts: list[str] = []
    for section in edition.sections:
        lines = []
        for story in section.stories:
            told = [sent.articles[id_] for id_, _feed in story.articles if id_ in sent.articles]
            told = [one for one in told if buttons.is_link(one.url)]
            if told:
                names = ", ".join(dict.fromkeys(map(_outlet, told[:_OUTLETS])))
                lines.append(f"{_link(told[0].url, _title(told[0]))} ({escape(names)})")
        if lines:
            parts.append(_content((), escape(safe.plain(section.topic or "", _NAME)), lines))
    return Entry(
        id=_id("digest", f"{sent.place_id}:{sent.message_id}"),
        title=digest_pages.headline(edition),
        url=url,
        content="".join(parts),
        author=publisher,
        published=sent.sent,
        updated=sent.sent,
    )


def _kind(what: str) -> str:
    names = {"posts": _("Posts in {channel}"), "stories": _("Stories in {channel}")}
    return names.get(what) or _("Digests in {channel}")


def _content(paragraphs: Iterable[str], heading: str = "", lines: Sequence[str] = ()) -> str:
    """HTML of plain `paragraphs`, then a list of `lines` of HTML under a heading."""
    told: Iterator[str] = (f"<p>{escape(each)}</p>" for each in paragraphs if each)
    listed = "".join(f"<li>{line}</li>" for line in lines)
    above = f"<p><strong>{heading}</strong></p>" if heading and listed else ""
    return "".join((*told, above, f"<ul>{listed}</ul>" if listed else ""))


def _title(article: Article) -> str:
    title = safe.plain(article.title, _TITLE) or safe.plain(article.url, _TITLE)
    return title if article.retracted is None else _("Withdrawn: {title}").format(title=title)


def _excerpt(article: Article) -> str:
    text = safe.plain(article.summary[:_BEGINNING] or furniture.body(article.text[:_BEGINNING]))
    return excerpts.excerpt(text, _EXCERPT)


def _outlet(article: Article) -> str:
    return _name(article.outlet) or "Telex"


def _name(text: str) -> str:
    return safe.plain(text, _NAME)


def _link(url: str, text: str) -> str:
    return f'<a href="{escape(url)}">{escape(text)}</a>'


def _changed(one: PostedIn) -> int:
    """When the channel last said something else of an article."""
    return max(one.told, one.article.corrected or 0, one.article.retracted or 0)


def _id(kind: str, name: str) -> str:
    """A name that stays: a version 5 UUID (RFC 9562) as a URN."""
    return uuid5(_NAMES, f"{kind}:{name}").urn
