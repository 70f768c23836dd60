"""Entries of article lists: title, excerpt, outlets, and a picture or button."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.core.i18n import _, format_count, format_number
from bot.core.models import Article
from bot.posting.rendering import buttons, messages
from bot.posting.rendering.layout import outlet_branding
from bot.posting.rendering.layout.blocks import Item, Section, Text
from bot.posting.rendering.messages import link_markup
from bot.search.searching import SearchResult
from bot.store import Store
from bot.store.records.content_records import SINGLE_ARTICLE_SIMILARITY, CoveringOutlet
from bot.text import discord_text, excerpts
from cogs.shared.article_cards import Spans, bold_spans, title_variants

_EXCERPT_LENGTH = 110
"""Maximum length of an excerpt in a list, in UTF-16 code units."""
_MAX_OUTLETS_NAMED = 2
"""Maximum number of further outlets of a story that a list entry names; more outlets are only counted."""
_MAX_OUTLET_LENGTH = 40
"""Maximum length in UTF-16 units of an outlet's name in a list entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleListItem:
    """Article in a list, with its excerpt and the further outlets that report the same story.

    `extra_lines` are markup at the end of the entry. `accessory` stands beside an entry without a picture;
    the default is a Save button if `has_save_button` is set. Lists in public messages have no Save buttons: by
    its Save button a message would be taken for the post of an article when the bot looks for posts in a channel.
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
        """Return the layout section of this entry, with its picture or accessory."""
        article, (linked_title, plain_title) = self.article, title_variants(self.article)
        excerpt_text, excerpt_spans = excerpts.make_excerpt_around(self.excerpt, list(self.highlights), _EXCERPT_LENGTH)
        retracted_label = "" if article.retracted_at is None else _("⚠️ withdrawn")
        byline = outlet_branding.byline(article, retracted_label, *self.notes).variants[0]
        heading = f"**{linked_title}**"
        excerpt_lines = [bold_spans(excerpt_text, excerpt_spans)] if excerpt_text else []
        texts = Text(
            tuple(
                "\n".join(filter(None, text_lines))
                for text_lines in (
                    (heading, *excerpt_lines, byline, self._format_other_outlets(), *self.extra_lines),
                    (heading, *excerpt_lines, byline, self._format_outlet_count(), *self.extra_lines),
                    (heading, byline, *self.extra_lines),
                    (f"**{plain_title}**", byline),
                )
            )
        )
        save_button = buttons.save_button(article.key, with_label=False) if self.has_save_button else None
        return Section((texts,), messages.image_block(article) or self.accessory or save_button)

    def _format_other_outlets(self) -> str:
        outlet_links = [
            link_markup(discord_text.to_markdown_line(outlet.outlet, _MAX_OUTLET_LENGTH), outlet.url)
            for outlet in self.other_outlets[:_MAX_OUTLETS_NAMED]
        ]
        if not outlet_links:
            return ""
        if unnamed_count := len(self.other_outlets) - len(outlet_links):
            outlet_links.append(f"+{format_number(unnamed_count)}")
        return "-# " + _("Also: {links}").format(links=" · ".join(outlet_links))

    def _format_outlet_count(self) -> str:
        other_outlet_count = len(self.other_outlets)
        if not other_outlet_count:
            return ""
        count_text = format_count(
            "{count} more outlet on this story", "{count} more outlets on this story", other_outlet_count
        )
        return f"-# {count_text}"


def item_from_result(hit: SearchResult) -> ArticleListItem:
    """Return the entry of an article list that shows a search result."""
    note = ""
    if hit.is_semantic_only:
        note = _("similar meaning")
    elif hit.is_partial:
        note = _("close match") if hit.has_similar_word else _("partial match")
    return ArticleListItem(article=hit.article, excerpt=hit.snippet, highlights=hit.highlights, notes=(note,))


def item_with_lead(article: Article) -> ArticleListItem:
    """Return the list entry for an article, with the beginning of its text as excerpt."""
    return ArticleListItem(article=article, excerpt=messages.plain_excerpt(article, _EXCERPT_LENGTH))


async def with_other_outlets(
    store: Store, entries: Iterable[ArticleListItem], feed_ids: Collection[int]
) -> list[ArticleListItem]:
    """Return list entries with the other outlets that report the same story, if they are among the given feeds."""
    entry_list = list(entries)
    outlets_by_article_id: Mapping[int, Sequence[CoveringOutlet]] = await store.stories.load_other_coverage(
        [entry.article.id for entry in entry_list], feed_ids, SINGLE_ARTICLE_SIMILARITY
    )
    return [replace(entry, other_outlets=outlets_by_article_id.get(entry.article.id, ())) for entry in entry_list]
