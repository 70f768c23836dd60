"""What the query of a search may go on with: the asker's own words first, then what their feeds have said."""

import re
from collections.abc import Collection
from typing import NamedTuple

from discord.app_commands import Choice

from bot.posting.rendering import discord_limits
from bot.search.index.engine import Kind
from bot.search.query.filter_names import Filter, is_french, named, written
from bot.store import Store
from bot.text import safe
from cogs.shared.views import Interaction

_OFFERED = 12
_FILTERED = re.compile(
    r"(?:^|(?<=[\s(-]))(?P<name>[^\W\d_]{2,12}|[aàAÀ]):(?:(?P<quote>[\"“«„])\s?)?(?P<typed>[^\"“”«»„]*)$"
)
_WORD = re.compile(r"(?P<typed>[^\W_][^\s\"“”«»„():|'’]*)$")
_FIXED = {
    Filter.LANGUAGE: ("en", "fr"),
    Filter.SINCE: (
        "1d", "7d", "30d", "1y", "today", "yesterday",
        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
    ),
    Filter.BEFORE: ("7d", "30d", "1y", "today"),
    "has": ("image",),
    "is": ("bookmarked",),
}  # fmt: skip
_FIXED_IN_FRENCH = {
    **_FIXED,
    Filter.SINCE: (
        "1j", "7j", "30j", "1an", "aujourd'hui", "hier",
        "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche",
    ),
    Filter.BEFORE: ("7j", "30j", "1an", "aujourd'hui"),
    "is": ("favori",),
}  # fmt: skip
_KINDS = {Filter.TAG: Kind.TAG, Filter.AUTHOR: Kind.AUTHOR}
_NAMED = frozenset((Filter.SOURCE, *_KINDS))


class Typing(NamedTuple):
    """A query up to what is being typed, and that.

    `name` is the filter's as it was typed, empty for a word; `filter` is the one that it means.
    """

    before: str
    name: str
    filter: str | None
    typed: str

    def completed(self, value: str) -> str:
        """What is being typed, with this value."""
        return written(self.name, value) if self.name else value


def typing(query: str) -> Typing:
    """What of a query is being typed at its end."""
    match = _FILTERED.search(query)
    if match and (match["quote"] or " " not in match["typed"]):
        meant = named(match["name"])
        if meant is not None and meant != "title":
            return Typing(query[: match.start("name")], match["name"], meant, match["typed"])
    return _word(query)


def _unquoted(query: str) -> Typing | None:
    """A name of several words that is being typed without the quotation marks that it takes."""
    match = _FILTERED.search(query)
    if match is None or match["quote"] or " " not in match["typed"].strip():
        return None
    meant = named(match["name"])
    if meant not in _NAMED:
        return None
    return Typing(query[: match.start("name")], match["name"], meant, match["typed"])


def _word(query: str) -> Typing:
    match = _WORD.search(query)
    return Typing(query[: match.start()] if match else query, "", None, match["typed"] if match else "")


async def query_choices(interaction: Interaction, query: str) -> list[Choice[str]]:
    """The query as it is, then with its last word or value completed from feeds that the asker sees.

    The query itself comes first, for Discord's clients take the first choice when Enter is pressed. One that
    is longer than a choice may be is not looked at: up to 6,000 characters come while somebody types.
    """
    if len(query) > discord_limits.CHOICE:
        return []
    completed = [query]
    for at in filter(None, (_unquoted(query), typing(query))):
        values = await _values(interaction, at) if at.typed or at.filter else []
        completed += [at.before + at.completed(value) for value in values]
    return [
        Choice(name=name, value=text)
        for text in dict.fromkeys(completed)
        if text.strip()
        and len(text) <= discord_limits.CHOICE
        and (name := safe.plain(text, discord_limits.CHOICE))
    ][: discord_limits.CHOICES]


async def _values(interaction: Interaction, at: Typing) -> Collection[str]:
    """Words, or values of a filter, that begin with what was typed."""
    if at.filter in _FIXED:
        fixed = _FIXED_IN_FRENCH if is_french(at.name) else _FIXED
        return [value for value in fixed[at.filter] if value.startswith(at.typed.casefold())]
    visible = await interaction.client.visible_feed_ids(interaction)
    if not visible:
        return []
    store: Store = interaction.client.store
    if at.filter == Filter.SOURCE:
        return await store.feeds.outlets(visible, at.typed, _OFFERED)
    kind = _KINDS.get(Filter(at.filter)) if at.filter else None
    searcher = interaction.client.newsroom.searcher
    return await searcher.complete(kind, at.typed, feed_ids=visible, limit=_OFFERED)
