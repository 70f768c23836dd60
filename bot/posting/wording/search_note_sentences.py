"""Sentences for the notes of a search, which tell the user how the query was understood or changed."""

from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from typing import Any

from babel.dates import format_date, format_skeleton, format_time

from bot.core import i18n
from bot.core.i18n import N_, _, format_number, ngettext
from bot.search.query.query_notes import Note, NoteKind

_NoteValues = Mapping[str, Any]


def note_sentence(note: Note) -> str:
    """Return a note on how a search query was understood as a sentence in the current language, with words as typed."""
    note_values, template_or_function = dict(note.placeholders), _TEMPLATE_OR_FUNCTION_BY_KIND[note.kind]
    if not isinstance(template_or_function, str):
        return template_or_function(note_values)
    formatted_values = {
        name: format_number(note_value) if isinstance(note_value, int) else note_value
        for name, note_value in note_values.items()
    }
    return _(template_or_function).format(**formatted_values)


def _format_date(note_values: _NoteValues) -> str:
    """Return a date in the current language: the year unless it is the current one, the time unless it is midnight."""
    time_zone: tzinfo = note_values["zone"]
    local_datetime = datetime.fromtimestamp(note_values["moment"], time_zone)
    language = i18n.current_language()
    if local_datetime.year == datetime.fromtimestamp(note_values["now"], time_zone).year:
        date_text = str(format_skeleton("MMMd", local_datetime, locale=language))
    else:
        date_text = str(format_date(local_datetime, "medium", locale=language))
    if local_datetime.hour or local_datetime.minute:
        date_text += f" {format_time(local_datetime, 'HH:mm', locale=language)} {time_zone}"
    return date_text


def _format_quoted_list(texts: tuple[str, ...]) -> str:
    return ", ".join(_("“{text}”").format(text=text) for text in texts)


def _format_unknown_filter_sentence(note_values: _NoteValues) -> str:
    sentence = _("“{name}:” isn’t a filter, so I searched for the words “{value}”.").format(**note_values)
    if note_values["similar_name"]:
        sentence += " " + _("Did you mean “{name}:”?").format(name=note_values["similar_name"])
    return sentence


def _format_title_words_missing_sentence(note_values: _NoteValues) -> str:
    missing_words = note_values["words"]
    return ngettext("No title has the word {words}.", "No title has the words {words}.", len(missing_words)).format(
        words=_format_quoted_list(missing_words)
    )


def _format_words_missing_sentence(note_values: _NoteValues) -> str:
    missing_words = note_values["words"]
    return ngettext("No article has the word {words}.", "No article has the words {words}.", len(missing_words)).format(
        words=_format_quoted_list(missing_words)
    )


_TEMPLATE_OR_FUNCTION_BY_KIND: Mapping[NoteKind, str | Callable[[_NoteValues], str]] = {
    NoteKind.CUT_TEXT: N_("Only the first {count} characters were read."),
    NoteKind.CUT_TERMS: N_("Only the first {count} words and filters were read."),
    NoteKind.REINTERPRETED: N_("Read “{value}” as {filter}."),
    NoteKind.STRAY_QUOTE: N_("Ignored an unmatched quotation mark."),
    NoteKind.STRAY_MINUS: N_("Ignored a “-” on its own. To exclude a word, write it right after: “-word”."),
    NoteKind.STRAY_CLOSING_PARENTHESIS: N_("Ignored a closing parenthesis without an opening one."),
    NoteKind.STRAY_NOT: N_("Ignored a NOT with no word after it."),
    NoteKind.STRAY_OR: N_("Ignored an OR that isn’t between two words."),
    NoteKind.UNCLOSED_PARENTHESIS: N_("A parenthesis isn’t closed, so I read to the end."),
    NoteKind.TOO_DEEP_PARENTHESES: N_("Ignored parentheses nested more than {count} deep."),
    NoteKind.NO_VALUE: N_("Ignored “{value}”: it has no value."),
    NoteKind.EMPTY_QUERY: N_("There’s nothing to search for in that. Try a word or a name."),
    NoteKind.UNKNOWN_FILTER: _format_unknown_filter_sentence,
    NoteKind.INVALID_LANGUAGE: N_("“{value}” isn’t a language I know. Try en or fr."),
    NoteKind.UNKNOWN_FLAG: N_("“{value}” isn’t a filter. Try has:image or is:bookmarked."),
    NoteKind.INVALID_DATE: N_("“{value}” isn’t a date I know. Try 7d, 2020-06-10 or “last monday”."),
    NoteKind.SINCE: lambda values: _("Since {date}").format(date=_format_date(values)),
    NoteKind.BEFORE: lambda values: _("Before {date}").format(date=_format_date(values)),
    NoteKind.INDEX_BUILDING: N_("The search index is still being built ({percent}%). More articles may match."),
    NoteKind.INDEX_DAMAGED: N_("The search index is damaged. I’m rebuilding it: try again in a moment."),
    NoteKind.OWN_BOOKMARKS: N_("Bookmarks are personal. To find yours, use is:bookmarked in /search."),
    NoteKind.EMPTY_DATE_RANGE: N_("There’s nothing between these two dates."),
    NoteKind.SEVERAL_LANGUAGES: N_("An article has only one language. Try {query}."),
    NoteKind.PHRASES_MISSING: lambda values: _("No article has {phrases}. Here’s what comes close.").format(
        phrases=_format_quoted_list(values["phrases"])
    ),
    NoteKind.PHRASES_NEVER_TOGETHER: N_("No article has all of this word for word. Here’s what comes close."),
    NoteKind.UNQUOTED_NAME: N_("Read “{filter}” without “{words}”. Put a name of several words in quotation marks."),
    NoteKind.TITLE_WORDS_MISSING: _format_title_words_missing_sentence,
    NoteKind.WORDS_MISSING: _format_words_missing_sentence,
    NoteKind.UNKNOWN_SOURCE: N_("No source is called “{name}”."),
    NoteKind.UNKNOWN_TAG: N_("No article has the tag “{name}”."),
    NoteKind.UNKNOWN_LANGUAGE: N_("No article is in the language “{name}”."),
    NoteKind.UNKNOWN_AUTHOR: N_("No article is by “{name}”."),
}
