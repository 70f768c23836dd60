"""Splitting into sentences, and excerpts of texts.

pysbd, the usual splitter, has had no release since 2021 and takes milliseconds per paragraph; news only needs
a list of abbreviations.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from bot.text.discord_text import ELLIPSIS, count_utf16_units, to_plain_line, truncate_utf16
from bot.text.words import split_at_white_space

_ABBREVIATIONS_NEVER_FINAL = split_at_white_space(
    "M MM Mme Mmes Mlle Mlles Me Dr Drs Pr Prof Mr Mrs Ms St Ste Sr Mgr Gen Gén Col Lt Cpt Capt Sgt Cmdr Rev "
    "Hon Sen Sén Rep Gov Pres Prés Messrs Mt Ft cf Cf ex vs approx"
)
"""Abbreviations that never end a sentence."""
_ABBREVIATIONS_BEFORE_NUMBERS = split_at_white_space(
    "no nos art p pp fig figs vol chap ch n num env av ap sec sect para par tél tel éd ed eq"
)
"""Words that are abbreviations only before a number or an initial."""
_ABBREVIATIONS_BEFORE_NAMES = split_at_white_space(
    "inc ltd corp co llc plc jr bros bd ave blvd univ dept jan janv feb fév févr mar apr avr jun jul juil "
    "aug sep sept oct nov déc dec"
)
"""Abbreviations after which a sentence ends only if a word that often begins sentences follows."""
_SENTENCE_STARTERS = split_at_white_space(
    """
    the a an this that these those it its he she they we you i his her their our my in on at by for from
    with as but and or if when while after before since however although also so then there here what
    who why how no yes not le la les l un une des du de d ce cet cette ces c il elle ils elles on nous
    vous je j son sa ses leur leurs mon notre en au aux dans sur pour par avec sans mais et ou si quand
    lorsque après avant depuis cependant toutefois selon ainsi alors aussi puis qui que pourquoi comment
    tout tous
    """
)
"""Words that begin a sentence more often than a name."""
_NAMES_ENDING_IN_EXCLAMATION = split_at_white_space("yahoo jeopardy")

_SENTENCE_END_PATTERN = re.compile(
    r"""(?:[.!?…]+(?:[\ \xa0\u202f]?[»”"’')\]]+)*(?=\s|$)|[。！？]+[」』”’）]*)""", re.VERBOSE
)
_END_MARK_PATTERN = re.compile("[.!?…。！？]")
_WORD_BEFORE_PATTERN = re.compile(r"[^\W\d_][\w.-]*$")
_DOTTED_LETTERS_PATTERN = re.compile(r"\w(?:[.-]+\w)*")
_NEXT_WORD_PATTERN = re.compile(r"""[\s"“”«»'‘’(\[—–-]*(\w*)""")
_LIST_NUMBER_PATTERN = re.compile(r"\s*[\dA-Za-z]{1,2}\.\s*")
_INITIAL_PATTERN = re.compile(r"[^\W\d_]\.")
_CAMEL_CASE_PATTERN = re.compile(r"[a-z]+[A-Z]")
_SENTENCE_START_PATTERN = re.compile(r"[.!?…»”] ")
_LOOK_BACK_CHARS = 40
_LOOK_AHEAD_CHARS = 200
_CUT_MARGIN_CHARS = 60
_MAX_LEAD_CHARS = 4_000
"""Maximum number of characters of a text read for an excerpt of its beginning; more would block the event loop."""


def split_sentences(text: str) -> list[str]:
    """Return the sentences of `text` in order, stripped of white space at both ends.

    A line break ends a sentence; abbreviations, initials, decimals, and ellipses within a sentence do not.
    """
    return list(_iter_sentences(text))


def _iter_sentences(text: str) -> Iterator[str]:
    for line in text.splitlines():
        for segment in _split_line(line):
            if sentence := segment.strip():
                yield sentence


def _split_line(line: str) -> Iterator[str]:
    start = position = 0
    while end_mark_match := _END_MARK_PATTERN.search(line, position):
        position = end_mark_match.end()
        if sentence_end_match := _SENTENCE_END_PATTERN.match(line, end_mark_match.start()):
            position = sentence_end_match.end()
            if not _LIST_NUMBER_PATTERN.fullmatch(line, start, position) and _is_sentence_end(line, sentence_end_match):
                yield line[start:position]
                start = position
    yield line[start:]


def _is_sentence_end(line: str, sentence_end_match: re.Match[str]) -> bool:
    next_match = _NEXT_WORD_PATTERN.match(line, sentence_end_match.end())
    next_word = next_match[1] if next_match else ""
    if not next_word or sentence_end_match[0][0] in "。！？":
        return True
    if next_word[0].islower() and not _CAMEL_CASE_PATTERN.match(next_word):
        return False
    word_match = _WORD_BEFORE_PATTERN.search(
        line[max(0, sentence_end_match.start() - _LOOK_BACK_CHARS) : sentence_end_match.start()].rpartition(" ")[2]
    )
    previous_word = word_match[0] if word_match else ""
    if sentence_end_match[0][0] != "." or sentence_end_match[0].startswith(".."):
        return previous_word.lower() not in _NAMES_ENDING_IN_EXCLAMATION
    initial_match = _INITIAL_PATTERN.match(line, next_match.start(1)) if next_match else None
    return not previous_word or _full_stop_ends_sentence(previous_word, "" if initial_match else next_word)


def _full_stop_ends_sentence(previous_word: str, next_word: str) -> bool:
    """Return whether a full stop between the words `previous_word` and `next_word` ends a sentence."""
    if previous_word in _ABBREVIATIONS_NEVER_FINAL:
        return False
    previous_word = previous_word.lower()
    if previous_word in _ABBREVIATIONS_BEFORE_NUMBERS:
        return not (next_word[:1].isdecimal() or not next_word)
    if previous_word in _ABBREVIATIONS_BEFORE_NAMES or _DOTTED_LETTERS_PATTERN.fullmatch(previous_word):
        return next_word.lower() in _SENTENCE_STARTERS
    return True


def make_excerpt(text: str, max_units: int) -> str:
    """Return the beginning of `text` on one line, at most `max_units` UTF-16 units.

    A longer text is cut: after whole sentences if they fill a third of the limit, otherwise after a word, with ….
    """
    text = text.strip()
    beginning = text[: 2 * max_units + _LOOK_AHEAD_CHARS]
    if len(beginning) == len(text) and count_utf16_units(single_line := " ".join(text.split())) <= max_units:
        return single_line
    sentence_lines: list[str] = []
    used_units = -1
    for sentence in _iter_sentences(text[: max_units + _LOOK_AHEAD_CHARS]):
        line = " ".join(sentence.split())
        if used_units + 1 + count_utf16_units(line) > max_units:
            break
        used_units += 1 + count_utf16_units(line)
        sentence_lines.append(line)
    return (
        " ".join(sentence_lines)
        if used_units * 3 >= max_units
        else _cut_at_word(" ".join(beginning.split()), max_units)
    )


def make_lead_excerpt(texts: Iterable[str], title: str, max_units: int) -> str:
    """Return the excerpt of the first text that differs from the title, or "" if there is none.

    Final dots do not count. If the title ends like a sentence and begins the text, the excerpt begins after
    it. The excerpt has at most `max_units` UTF-16 units.
    """
    title_without_dots = title.rstrip("….")
    paragraphs = (to_plain_line(text[:_MAX_LEAD_CHARS]) for text in texts)
    lead = next(
        (paragraph for paragraph in paragraphs if paragraph and paragraph.rstrip("….") != title_without_dots), ""
    )
    if title.endswith((".", "!", "?")) and lead.startswith(f"{title} "):
        lead = lead[len(title) :]
    return make_excerpt(lead, max_units)


def _cut_at_word(text: str, max_units: int) -> str:
    """Return a text that is too long, cut after a word to at most `max_units` UTF-16 units with …."""
    cut_text = truncate_utf16(text, max_units).removesuffix(ELLIPSIS)
    if not text[len(cut_text) : len(cut_text) + 1].isspace():
        last_space_index = cut_text.rfind(" ")
        if last_space_index * 2 > len(cut_text):
            cut_text = cut_text[:last_space_index]
    return (cut_text.rstrip(" .,;:–—-") + ELLIPSIS)[: max(0, max_units)]


def make_excerpt_around(
    line: str, spans: Sequence[tuple[int, int]], max_units: int
) -> tuple[str, list[tuple[int, int]]]:
    """Return the part of a line with most of `spans`, and the positions of these spans in the part.

    The part has at most `max_units` UTF-16 units, with … where it is cut, and begins with a sentence if one
    begins near enough. `spans` are (start, end) in characters, in order; spans outside the part are dropped.
    """
    if not spans:
        return make_excerpt(line, max_units), []
    if len(line) <= max_units and count_utf16_units(line) <= max_units:
        return line, list(spans)
    start = _find_excerpt_start(line, _find_densest_window_start(spans, max_units * 3 // 4), max_units // 4)
    prefix = ELLIPSIS if max_units > 1 and start else ""
    remaining_text = line[start:]
    is_complete = count_utf16_units(prefix + remaining_text[: max_units + 1]) <= max_units
    excerpt_text = prefix + (
        remaining_text
        if is_complete
        else _cut_at_word(remaining_text[: max_units + _CUT_MARGIN_CHARS], max_units - len(prefix))
    )
    visible_chars = len(excerpt_text) if is_complete else len(excerpt_text.removesuffix(ELLIPSIS))
    excerpt_spans = (
        (span_start - start + len(prefix), span_end - start + len(prefix))
        for span_start, span_end in spans
        if span_start >= start
    )
    return excerpt_text, [span for span in excerpt_spans if span[1] <= visible_chars]


def _find_densest_window_start(spans: Sequence[tuple[int, int]], window_chars: int) -> int:
    """Return the start of the window of `window_chars` characters in which most spans begin."""
    densest_start = max_span_count = end_index = 0
    for index, (position, _) in enumerate(spans):
        while end_index < len(spans) and spans[end_index][0] < position + window_chars:
            end_index += 1
        if end_index - index > max_span_count:
            densest_start, max_span_count = position, end_index - index
    return densest_start


def _find_excerpt_start(line: str, position: int, max_preceding_chars: int) -> int:
    """Return where an excerpt begins, at most `max_preceding_chars` before `position`.

    The excerpt begins at the start of a sentence if there is one, otherwise the start of a word, or at `position`.
    """
    earliest_start = max(0, position - max_preceding_chars)
    if earliest_start == 0:
        return 0
    if sentence_start := _SENTENCE_START_PATTERN.search(line, earliest_start, position):
        return sentence_start.end()
    space_index = line.find(" ", earliest_start, position)
    return position if space_index < 0 else space_index + 1
