"""Preview of a feed before it is followed: its name, how often it publishes, and its newest articles."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Self

from bot.core.i18n import _, format_count
from bot.core.models import Entry, ParsedFeed
from bot.posting.rendering import messages
from bot.posting.rendering.layout.blocks import Block, text_block
from bot.text import discord_text, excerpts, urls
from bot.text.times import feed_dates

_MAX_ARTICLES = 2
# In UTF-16 units:
_MAX_TITLE_LENGTH = 100
_MAX_LEAD_LENGTH = 120
_MAX_ADDRESS_LENGTH = 100
_WEEK_SECONDS = 7 * 24 * 3600
_DAILY_THRESHOLD_PER_WEEK = 14
"""Number of articles a week from which the rate is given per day."""


@dataclass(frozen=True, slots=True)
class PreviewArticle:
    """Article of a preview, as plain text.

    `url` is "" without a link. `published` is a Unix time in seconds, or None without a date.
    """

    title: str
    url: str
    lead: str
    published: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePreview:
    """Preview of a feed, without anything secret: addresses are redacted, and links with secrets left out.

    `address` is the URL of the feed without `https://`. `article_count` is the number of its listed articles.
    `articles_per_week` is None if the entries do not have two different dates. `articles` are the newest two.
    """

    title: str
    address: str
    icon_url: str | None
    article_count: int
    articles_per_week: float | None
    articles: tuple[PreviewArticle, ...]

    @classmethod
    def from_feed(cls, parsed_feed: ParsedFeed, title: str, url: str, now: int) -> Self:
        """Build the preview of a parsed feed at a URL; `now` is Unix time in seconds."""
        entries = sorted(
            parsed_feed.entries, key=lambda entry: feed_dates.clamp_publication_time(entry.published, now), reverse=True
        )
        return cls(
            title=discord_text.to_plain_line(title, _MAX_TITLE_LENGTH) or urls.redact(url),
            address=urls.redact(url).removeprefix("https://"),
            icon_url=_public_url(parsed_feed.icon_url) or None,
            article_count=len(entries),
            articles_per_week=measure_weekly_rate(entries),
            articles=tuple(map(_build_preview_article, entries[:_MAX_ARTICLES])),
        )

    def to_json(self) -> str:
        """Return the preview as JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the preview that `to_json` wrote."""
        fields = json.loads(text)
        return cls(**fields | {"articles": tuple(PreviewArticle(**article) for article in fields["articles"])})

    @property
    def rate_text(self) -> str:
        """Number of articles that the feed has per week or day, or in all, in words in the current language."""
        weekly_rate = self.articles_per_week
        if weekly_rate is None:
            return format_count("{count} article", "{count} articles", self.article_count)
        if weekly_rate >= _DAILY_THRESHOLD_PER_WEEK:
            return format_count("about {count} article a day", "about {count} articles a day", round(weekly_rate / 7))
        return format_count("about {count} article a week", "about {count} articles a week", max(1, round(weekly_rate)))

    def iter_article_blocks(self) -> Iterator[Block]:
        """Yield text blocks with the address of the feed and its newest articles, in the current language."""
        address = discord_text.to_markdown_line(self.address, _MAX_ADDRESS_LENGTH)
        heading_template = _("NEWEST IN {address}")
        yield text_block("-# " + heading_template.format(address=address))
        if not self.articles:
            yield text_block(_("It has no articles yet."))
        for article in self.articles:
            title = discord_text.to_markdown_line(article.title, _MAX_TITLE_LENGTH) or _("Untitled")
            lines = (
                f"**{messages.link_markup(title, article.url) if article.url else title}**",
                discord_text.to_markdown_line(article.lead, _MAX_LEAD_LENGTH),
                "" if article.published is None else f"-# <t:{article.published}:R>",
            )
            yield text_block("\n".join(filter(None, lines)))


def measure_weekly_rate(entries: Sequence[Entry]) -> float | None:
    """Return the articles per week by the dates of entries, newest first; None without two different dates."""
    publication_times = [entry.published for entry in entries if entry.published is not None]
    if not publication_times or publication_times[0] == publication_times[-1]:
        return None
    return (len(publication_times) - 1) * _WEEK_SECONDS / (publication_times[0] - publication_times[-1])


def _build_preview_article(entry: Entry) -> PreviewArticle:
    title = discord_text.to_plain_line(entry.title, _MAX_TITLE_LENGTH)
    lead = excerpts.make_lead_excerpt((entry.summary, entry.text), title, _MAX_LEAD_LENGTH)
    return PreviewArticle(title, _public_url(entry.link), lead, entry.published)


def _public_url(url: str | None) -> str:
    """Return a URL that may be shown to anybody; "" if there is none or it contains a secret."""
    return url if url and not urls.has_secret(url) else ""
