"""Entries of article lists: title, excerpt, outlet, other outlets, picture or button."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.core.i18n import _, format_count, format_number
from bot.core.models import Article
from bot.posting.rendering import buttons, messages
from bot.posting.rendering.layout import outlet_branding
from bot.posting.rendering.layout.blocks import Item, Section, Text
from bot.posting.rendering.messages import linked
from bot.search.searching import SearchResult
from bot.store import Store
from bot.store.records.content_records import SINGLE_ARTICLE_SIMILARITY, CoveringOutlet
from bot.text import discord_text, excerpts
from cogs.shared.article_cards import Spans, bold_spans, title_variants

_EXCERPT_LENGTH = 110
"""Maximum length of an excerpt in UTF-16 units."""
_MAX_OUTLETS_NAMED = 2
"""Maximum number of other outlets that are named."""
_MAX_OUTLET_LENGTH = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleListItem:
    """An article in a list, with its excerpt and the other outlets on the story.

    `extra_lines` are markup below the entry. `accessory` stands beside an entry without a picture, by default
    a Save button if `has_save_button` is set. Public messages have none, because delivery lookups recognise
    posts by their Save buttons.
    """

    article: Article
    excerpt: str = ""
    highlights: Spans = ()
    notes: tuple[str, ...] = ()
    other_outlets: Sequence[CoveringOutlet] = ()
    extra_lines: tuple[str, ...] = ()
    accessory: Item | None = None
    has_save_button: bool = True

    def to_section(self) -> Section:
        """Return the section of this entry, with its picture or accessory."""
        article, (link, name) = self.article, title_variants(self.article)
        shown, marks = excerpts.excerpt_around(self.excerpt, list(self.highlights), _EXCERPT_LENGTH)
        withdrawn = "" if article.retracted is None else _("⚠️ withdrawn")
        small = outlet_branding.byline(article, withdrawn, *self.notes).variants[0]
        heading = f"**{link}**"
        middle = [bold_spans(shown, marks)] if shown else []
        texts = Text(
            tuple(
                "\n".join(filter(None, parts))
                for parts in (
                    (heading, *middle, small, self._also(), *self.extra_lines),
                    (heading, *middle, small, self._counted(), *self.extra_lines),
                    (heading, small, *self.extra_lines),
                    (f"**{name}**", small),
                )
            )
        )
        save = buttons.save_button(article.key, labelled=False) if self.has_save_button else None
        return Section((texts,), messages.image_block(article) or self.accessory or save)

    def _also(self) -> str:
        named = [
            linked(discord_text.to_markdown_line(teller.outlet, _MAX_OUTLET_LENGTH), teller.url)
            for teller in self.other_outlets[:_MAX_OUTLETS_NAMED]
        ]
        if not named:
            return ""
        if left := len(self.other_outlets) - len(named):
            named.append(f"+{format_number(left)}")
        return "-# " + _("Also: {links}").format(links=" · ".join(named))

    def _counted(self) -> str:
        count = len(self.other_outlets)
        if not count:
            return ""
        more = format_count("{count} more outlet on this story", "{count} more outlets on this story", count)
        return f"-# {more}"


def item_from_result(found: SearchResult) -> ArticleListItem:
    """Return the list entry of a search result."""
    note = ""
    if found.semantic_only:
        note = _("similar meaning")
    elif found.partial:
        note = _("close match") if found.similar_word else _("partial match")
    return ArticleListItem(
        article=found.article, excerpt=found.excerpt, highlights=found.highlights, notes=(note,)
    )


def item_with_lead(article: Article) -> ArticleListItem:
    """Return the list entry of an article with the beginning of its text."""
    return ArticleListItem(article=article, excerpt=messages.plain_excerpt(article, _EXCERPT_LENGTH))


async def with_other_outlets(
    store: Store, entries: Iterable[ArticleListItem], feed_ids: Collection[int]
) -> list[ArticleListItem]:
    """Return the entries with the other outlets among these feeds that report the same story."""
    listed = list(entries)
    tellers: Mapping[int, Sequence[CoveringOutlet]] = await store.stories.other_coverage(
        [entry.article.id for entry in listed], feed_ids, SINGLE_ARTICLE_SIMILARITY
    )
    return [replace(entry, other_outlets=tellers.get(entry.article.id, ())) for entry in listed]
