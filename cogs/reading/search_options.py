"""What is chosen beside a query, as the tree that search reads and as it could have been typed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo

from bot.core.locale import _
from bot.core.refusals import Refusal
from bot.posting.wording import search_notes
from bot.search.query import query_dates
from bot.search.query.filter_names import Filter, written
from bot.search.query.notes import Note, Remark
from bot.search.query.query_syntax import as_written
from bot.search.query.query_tree import Condition, Node, Query, negated
from bot.text import periods, safe


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """The options of /search, None where nothing was chosen; dates as a person writes them."""

    source: str | None = None
    author: str | None = None
    title: str | None = None
    tag: str | None = None
    language: str | None = None
    since: str | None = None
    before: str | None = None
    image: bool | None = None
    bookmarked: bool | None = None

    def narrow(self, query: Query, now: int, zone: tzinfo) -> Query:
        """The query with what was chosen. `now` in seconds of UTC. Raises `Refusal` for what is no date."""
        nodes, notes = list(self._named()), []
        for filter_, typed in ((Filter.SINCE, self.since), (Filter.BEFORE, self.before)):
            if typed is not None:
                condition = _dated(filter_, typed, now, zone)
                nodes.append(condition)
                if not query_dates.is_plain(typed):
                    notes.append(query_dates.told(condition, zone, now))
        return query.also(*nodes, notes=notes)

    def written(self) -> list[str]:
        """Each option as it is typed in a query, in the language of this task."""
        named = {
            "source": self.source,
            _("author"): self.author,
            _("title"): self.title,
            _("tag"): self.tag,
            _("lang"): self.language,
            _("since"): self.since,
            _("before"): self.before,
        }
        chosen = {_("has:image"): self.image, _("is:bookmarked"): self.bookmarked}
        return [written(name, value) for name, value in named.items() if value is not None] + [
            text if holds else f"-{text}" for text, holds in chosen.items() if holds is not None
        ]

    def _named(self) -> Iterator[Node]:
        named = (
            (Filter.SOURCE, self.source),
            (Filter.AUTHOR, self.author),
            (Filter.TAG, self.tag),
            (Filter.LANGUAGE, self.language),
        )
        for filter_, value in named:
            if value is not None:
                yield Condition(filter_, value)
        if self.title is not None and (node := as_written(self.title, title=True)) is not None:
            yield node
        for filter_, holds in ((Filter.IMAGE, self.image), (Filter.BOOKMARKED, self.bookmarked)):
            if holds is not None:
                yield Condition(filter_, "") if holds else negated(Condition(filter_, ""))


def _dated(filter_: Filter, typed: str, now: int, zone: tzinfo) -> Condition:
    period = periods.parse(typed, now, zone)
    if period is None:
        unknown = Note.of(Remark.NO_DATE, value=safe.markdown(safe.plain(typed)))
        raise Refusal(search_notes.sentence(unknown))
    return Condition(filter_, period.start)
