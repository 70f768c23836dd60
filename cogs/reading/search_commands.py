"""Cog of the /search and /latest commands."""

from collections.abc import Mapping
from datetime import tzinfo

from discord import app_commands
from discord.app_commands import Choice, Range, locale_str
from discord.ext import commands

from bot.client.discord_client import TelexBot
from bot.core.i18n import _
from bot.core.user_errors import UserFacingError
from bot.posting.rendering import discord_limits
from bot.posting.wording import search_note_sentences
from bot.search.index.search_engine import CompletionField
from bot.search.query import query_checks
from bot.search.query.query_filters import TITLE_FILTER, FilterName, format_filter
from bot.search.query.query_notes import Note, NoteKind
from bot.search.query.query_parser import MAX_CHARS_READ, create_word_or_phrase
from bot.search.query.query_tree import FieldFilter, Node, Query, negate_node
from bot.search.searching import SortOrder, parse_query
from bot.text import discord_text
from bot.text.times import periods
from cogs.reading.query_autocomplete import query_choices
from cogs.reading.result_pages import LatestPages, SearchPages, load_time_zone
from cogs.shared.authorization import user_installable
from cogs.shared.views import Interaction

SearchOptions = Mapping[str, str | bool | None]
"""Options of /search by filter name, None if unset. Dates are texts as typed."""


class SearchCog(commands.Cog):
    """Cog of the /search and /latest commands."""

    def __init__(self, bot: TelexBot) -> None:
        self.bot = bot
        self._searcher = bot.services.searcher

    @app_commands.command(name="search", description=locale_str("Search the news in the channels you can see"))
    @user_installable
    @app_commands.describe(
        query=locale_str('Words, "an exact phrase", -without'),
        source=locale_str("Only this outlet"),
        language=locale_str("Only this language"),
        since=locale_str("Published since: 7d, last monday, 2020-06-10"),
        before=locale_str("Published before: 7d, last monday, 2020-06-10"),
        tag=locale_str("Only this tag"),
        author=locale_str("Only this author"),
        title=locale_str("Words in the title"),
        image=locale_str("With a picture (True) or without (False)"),
        bookmarked=locale_str("In your bookmarks (True) or not (False)"),
        sort=locale_str("Sort order"),
    )
    @app_commands.choices(
        language=[
            Choice(name=locale_str("English"), value="en"),
            Choice(name=locale_str("French"), value="fr"),
        ],
        sort=[
            Choice(name=locale_str("Best first"), value="relevance"),
            Choice(name=locale_str("Newest first"), value="newest"),
        ],
    )
    async def search(
        self,
        interaction: Interaction,
        query: Range[str, 1, MAX_CHARS_READ],
        source: Range[str, 1, 100] | None = None,
        language: str | None = None,
        since: Range[str, 1, 40] | None = None,
        before: Range[str, 1, 40] | None = None,
        tag: Range[str, 1, 100] | None = None,
        author: Range[str, 1, 100] | None = None,
        title: Range[str, 1, 100] | None = None,
        sort: str = "relevance",
        *,
        image: bool | None = None,
        bookmarked: bool | None = None,
    ) -> None:
        now, zone = self.bot.services.clock.now(), await load_time_zone(interaction)
        options: SearchOptions = {
            FilterName.SOURCE: source,
            FilterName.AUTHOR: author,
            TITLE_FILTER: title,
            FilterName.TAG: tag,
            FilterName.LANGUAGE: language,
            FilterName.SINCE: since,
            FilterName.BEFORE: before,
            FilterName.IMAGE: image,
            FilterName.BOOKMARKED: bookmarked,
        }
        narrowed_query = narrow_query(parse_query(query, now, zone), options, now, zone)
        sort_order: SortOrder = "newest" if sort == "newest" else "relevance"
        search_pages = SearchPages(
            interaction, self._searcher, narrowed_query, sort_order, options=format_options(options)
        )
        await search_pages.render(interaction)

    @app_commands.command(name="latest", description=locale_str("See the latest articles"))
    @user_installable
    @app_commands.describe(source=locale_str("Only this outlet"))
    async def latest(self, interaction: Interaction, source: Range[str, 1, 100] | None = None) -> None:
        await LatestPages(interaction, source).render(interaction)

    @search.autocomplete("source")
    @latest.autocomplete("source")
    async def outlet_choices(self, interaction: Interaction, current: str) -> list[Choice[str]]:
        visible_feed_ids = await self.bot.load_visible_feed_ids(interaction)
        outlets = (
            await self.bot.store.feeds.find_outlets(visible_feed_ids, current, discord_limits.MAX_CHOICES)
            if visible_feed_ids
            else []
        )
        return [
            Choice(name=name, value=outlet)
            for outlet in outlets
            if len(outlet) <= discord_limits.MAX_CHOICE_NAME_LENGTH
            and (name := discord_text.to_plain_line(outlet, discord_limits.MAX_CHOICE_NAME_LENGTH))
        ]

    search.autocomplete("query")(query_choices)

    @search.autocomplete("tag")
    async def tag_choices(self, interaction: Interaction, current: str) -> list[Choice[str]]:
        return await self._complete_field(CompletionField.TAG, interaction, current)

    @search.autocomplete("author")
    async def author_choices(self, interaction: Interaction, current: str) -> list[Choice[str]]:
        return await self._complete_field(CompletionField.AUTHOR, interaction, current)

    async def _complete_field(self, field: CompletionField, interaction: Interaction, prefix: str) -> list[Choice[str]]:
        visible_feed_ids = await self.bot.load_visible_feed_ids(interaction)
        completions = await self._searcher.suggest_completions(
            field, prefix, feed_ids=visible_feed_ids, limit=discord_limits.MAX_CHOICES
        )
        return [Choice(name=name, value=name) for name in completions]

    @search.autocomplete("since")
    async def since_choices(self, _interaction: Interaction, current: str) -> list[Choice[str]]:
        name_by_value = {
            "1d": _("The last 24 hours"),
            "7d": _("The last 7 days"),
            "30d": _("The last 30 days"),
            "1y": _("The last year"),
            "yesterday": _("Since yesterday"),
            "monday": _("Since Monday"),
        }
        return _filter_choices(name_by_value, current)

    @search.autocomplete("before")
    async def before_choices(self, _interaction: Interaction, current: str) -> list[Choice[str]]:
        name_by_value = {
            "today": _("Before today"),
            "monday": _("Before Monday"),
            "7d": _("More than 7 days ago"),
            "30d": _("More than 30 days ago"),
            "1y": _("More than a year ago"),
        }
        return _filter_choices(name_by_value, current)


def _filter_choices(name_by_value: dict[str, str], typed_text: str) -> list[Choice[str]]:
    """Return the autocomplete choices whose value or name contains the typed text."""
    folded_text = typed_text.casefold()
    return [
        Choice(name=choice_name, value=choice_value)
        for choice_value, choice_name in name_by_value.items()
        if folded_text in f"{choice_value} {choice_name.casefold()}"
    ]


def narrow_query(query: Query, options: SearchOptions, now: int, zone: tzinfo) -> Query:
    """Return a query narrowed by the options of /search. `now` is Unix time in seconds.

    Raises `UserFacingError` for an invalid date.
    """
    nodes: list[Node] = []
    notes: list[Note] = []
    for filter_name, option_value in options.items():
        match filter_name, option_value:
            case _, None:
                pass
            case FilterName(), bool(is_wanted):
                nodes.append(FieldFilter(filter_name, "") if is_wanted else negate_node(FieldFilter(filter_name, "")))
            case FilterName.SINCE | FilterName.BEFORE, str(date_text):
                date_filter = _make_date_filter(FilterName(filter_name), date_text, now, zone)
                nodes.append(date_filter)
                if not query_checks.is_iso_date(date_text):
                    notes.append(query_checks.build_date_note(date_filter, zone, now))
            case FilterName(), str(filter_value):
                nodes.append(FieldFilter(filter_name, filter_value))
            case _, str(words):  # The title option.
                nodes += filter(None, (create_word_or_phrase(words, is_title_only=True),))
    return query.with_nodes(*nodes, notes=notes)


def format_options(options: SearchOptions) -> list[str]:
    """Return each option of /search in query syntax, in the current language."""
    syntax_by_filter_name = {
        FilterName.SOURCE: "source",
        FilterName.AUTHOR: _("author"),
        FilterName.TAG: _("tag"),
        FilterName.LANGUAGE: _("lang"),
        TITLE_FILTER: _("title"),
        FilterName.SINCE: _("since"),
        FilterName.BEFORE: _("before"),
        FilterName.IMAGE: _("has:image"),
        FilterName.BOOKMARKED: _("is:bookmarked"),
    }
    return [
        format_filter(syntax_by_filter_name[filter_name], option_value)
        if isinstance(option_value, str)
        else f"{'' if option_value else '-'}{syntax_by_filter_name[filter_name]}"
        for filter_name, option_value in options.items()
        if option_value is not None
    ]


def _make_date_filter(filter_name: FilterName, date_text: str, now: int, zone: tzinfo) -> FieldFilter:
    period = periods.parse_period(date_text, now, zone)
    if period is None:
        invalid_date_note = Note.create(NoteKind.INVALID_DATE, value=discord_text.to_markdown_line(date_text))
        raise UserFacingError(search_note_sentences.note_sentence(invalid_date_note))
    return FieldFilter(filter_name, period.start)
