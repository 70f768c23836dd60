"""Items of article lists: title, excerpt, outlets, and a picture or button."""

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
from bot.store.records.content_records import MIN_SINGLE_ARTICLE_SIMILARITY, CoveringOutlet
from bot.text import discord_text, excerpts
from cogs.shared.article_cards import Spans, bold_spans, title_variants

_MAX_EXCERPT_LENGTH = 110
"""Maximum length of an excerpt in a list, in UTF-16 code units."""
_MAX_NAMED_OUTLETS = 2
"""Maximum number of further outlets of a story that a list item names; more outlets are only counted."""
_MAX_OUTLET_NAME_LENGTH = 40
"""Maximum length in UTF-16 units of an outlet's name in a list item."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleListItem:
    """Article in a list, with its excerpt and the further outlets that report the same story.

    `highlights` are the spans of the excerpt to print in bold, `notes` stand after the outlet's name, and
    `extra_lines` are markup at the end of the item. `accessory` stands beside the item; the default is the article's
    picture or, if `has_save_button` is set, a Save button. Lists in public messages have no Save buttons: by its Save
    button a message would be taken for the post of an article when the bot looks for posts in a channel.
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
        """Return the layout section of this item, with its accessory or picture."""
        article, (linked_title, plain_title) = self.article, title_variants(self.article)
        excerpt_text, excerpt_spans = excerpts.make_excerpt_around(
            self.excerpt, list(self.highlights), _MAX_EXCERPT_LENGTH
        )
        retracted_label = "" if article.retracted_at is None else _("⚠️ withdrawn")
        byline = outlet_branding.byline_block(article, retracted_label, *self.notes).variants[0]
        heading = f"**{linked_title}**"
        excerpt_lines = [bold_spans(excerpt_text, excerpt_spans)] if excerpt_text else []
        item_block = Text(
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
        return Section((item_block,), self.accessory or messages.image_block(article) or save_button)

    def _format_other_outlets(self) -> str:
        outlet_links = [
            link_markup(discord_text.to_markdown_line(report.outlet, _MAX_OUTLET_NAME_LENGTH), report.url)
            for report in self.other_outlets[:_MAX_NAMED_OUTLETS]
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


def make_item_from_result(search_result: SearchResult) -> ArticleListItem:
    """Return the item of an article list that shows a search result."""
    note = ""
    if search_result.is_semantic_only:
        note = _("similar meaning")
    elif search_result.is_partial:
        note = _("close match") if search_result.has_similar_word else _("partial match")
    return ArticleListItem(
        article=search_result.article, excerpt=search_result.snippet, highlights=search_result.highlights, notes=(note,)
    )


def make_item_with_lead(article: Article) -> ArticleListItem:
    """Return the list item of an article, with the beginning of its text as excerpt."""
    return ArticleListItem(article=article, excerpt=messages.plain_excerpt(article, _MAX_EXCERPT_LENGTH))


async def add_other_outlets(
    store: Store, list_items: Iterable[ArticleListItem], feed_ids: Collection[int]
) -> list[ArticleListItem]:
    """Return list items with the other outlets, among those of the feeds `feed_ids`, that report the same story."""
    original_items = list(list_items)
    outlets_by_article_id: Mapping[int, Sequence[CoveringOutlet]] = await store.stories.load_other_coverage(
        [list_item.article.id for list_item in original_items], feed_ids, MIN_SINGLE_ARTICLE_SIMILARITY
    )
    return [
        replace(list_item, other_outlets=outlets_by_article_id.get(list_item.article.id, ()))
        for list_item in original_items
    ]
