"""The sentences for what a search tells of a query."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from typing import Any

from babel.dates import format_date, format_skeleton, format_time

from bot.core import locale
from bot.core.locale import _, amount, ngettext
from bot.search.query.notes import Note, Remark

_Values = Mapping[str, Any]


def sentence(note: Note) -> str:
    """A note in the language of this task; text of the query stands in it as it was typed."""
    return _SENTENCES[note.remark](dict(note.values))


def _filled(text: Callable[[], str]) -> Callable[[_Values], str]:
    return lambda values: text().format(**values)


def _counted(text: Callable[[], str]) -> Callable[[_Values], str]:
    return lambda values: text().format(count=amount(values["count"]))


def _date(values: _Values) -> str:
    """A moment as it is written in the language of this task: without the year where that is plain."""
    zone: tzinfo = values["zone"]
    day = datetime.fromtimestamp(values["moment"], zone)
    language = locale.current()
    if day.year == datetime.fromtimestamp(values["now"], zone).year:
        date = str(format_skeleton("MMMd", day, locale=language))
    else:
        date = str(format_date(day, "medium", locale=language))
    if day.hour or day.minute:
        date += f" {format_time(day, 'HH:mm', locale=language)} {zone}"
    return date


def _quoted(texts: tuple[str, ...]) -> str:
    return ", ".join(_("“{text}”").format(text=text) for text in texts)


def _no_filter(values: _Values) -> str:
    said = _("“{name}:” isn’t a filter, so I searched for the words “{value}”.").format(**values)
    if values["near"]:
        said += " " + _("Did you mean “{name}:”?").format(name=values["near"])
    return said


def _title_words_missing(values: _Values) -> str:
    words = values["words"]
    return ngettext("No title has the word {words}.", "No title has the words {words}.", len(words)).format(
        words=_quoted(words)
    )


def _words_missing(values: _Values) -> str:
    words = values["words"]
    return ngettext(
        "No article has the word {words}.", "No article has the words {words}.", len(words)
    ).format(words=_quoted(words))


_SENTENCES: Mapping[Remark, Callable[[_Values], str]] = {
    Remark.CUT_TEXT: _counted(lambda: _("Only the first {count} characters were read.")),
    Remark.CUT_TERMS: _counted(lambda: _("Only the first {count} words and filters were read.")),
    Remark.READ_AS: _filled(lambda: _("Read “{value}” as {filter}.")),
    Remark.STRAY_QUOTE: _filled(lambda: _("Ignored a quotation mark without its other half.")),
    Remark.STRAY_MINUS: _filled(
        lambda: _("Ignored a “-” on its own. To exclude a word, write it right after: “-word”.")
    ),
    Remark.STRAY_CLOSING: _filled(lambda: _("Ignored a closing parenthesis without an opening one.")),
    Remark.STRAY_NOT: _filled(lambda: _("Ignored a NOT with no word after it.")),
    Remark.LONELY_OR: _filled(lambda: _("Ignored an OR that isn’t between two words.")),
    Remark.UNCLOSED: _filled(lambda: _("A parenthesis isn’t closed, so I read to the end.")),
    Remark.TOO_DEEP: _counted(lambda: _("Ignored parentheses nested more than {count} deep.")),
    Remark.NO_VALUE: _filled(lambda: _("Ignored “{value}”: it has no value.")),
    Remark.NOTHING: _filled(lambda: _("There’s nothing to search for in that.")),
    Remark.NO_FILTER: _no_filter,
    Remark.NO_LANGUAGE: _filled(lambda: _("“{value}” isn’t a language I know. Try en or fr.")),
    Remark.NO_CHOICE: _filled(lambda: _("“{value}” isn’t a filter. Try has:image or is:bookmarked.")),
    Remark.NO_DATE: _filled(lambda: _("“{value}” isn’t a date I know. Try 7d, 2020-06-10 or “last monday”.")),
    Remark.SINCE: lambda values: _("Since {date}").format(date=_date(values)),
    Remark.BEFORE: lambda values: _("Before {date}").format(date=_date(values)),
    Remark.BUILDING: _filled(
        lambda: _("The search index is still being built ({percent}%). More articles may match.")
    ),
    Remark.DAMAGED: _filled(
        lambda: _("The search index is damaged. I’m rebuilding it: try again in a moment.")
    ),
    Remark.OWN_BOOKMARKS: _filled(
        lambda: _("Bookmarks are personal. To find yours, use is:bookmarked in /search.")
    ),
    Remark.NO_TIME: _filled(lambda: _("There’s nothing between these two dates.")),
    Remark.LANGUAGES: _filled(lambda: _("An article has only one language. Try {query}.")),
    Remark.PHRASES_MISSING: lambda values: _("No article has {phrases}. Here’s what comes close.").format(
        phrases=_quoted(values["phrases"])
    ),
    Remark.PHRASES_APART: _filled(lambda: _("No article has all of these phrases. Here’s what comes close.")),
    Remark.LOOSE_NAME: _filled(
        lambda: _("Read “{filter}” without “{words}”. Put a name of several words in quotation marks.")
    ),
    Remark.TITLE_WORDS_MISSING: _title_words_missing,
    Remark.WORDS_MISSING: _words_missing,
    Remark.UNKNOWN_SOURCE: _filled(lambda: _("No source is called “{name}”.")),
    Remark.UNKNOWN_TAG: _filled(lambda: _("No article has the tag “{name}”.")),
    Remark.UNKNOWN_LANGUAGE: _filled(lambda: _("No article is in the language “{name}”.")),
    Remark.UNKNOWN_AUTHOR: _filled(lambda: _("No article is by “{name}”.")),
}
