"""Splitting into sentences, and excerpts of texts.

pysbd, the usual splitter, has had no release since 2021 and takes milliseconds per paragraph; news only needs
a list of abbreviations.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from bot.text.discord_text import ELLIPSIS, to_plain_line, truncate_utf16, utf16_length
from bot.text.words import word_set

_ABBREVIATIONS_NEVER_FINAL = word_set(
    "M MM Mme Mmes Mlle Mlles Me Dr Drs Pr Prof Mr Mrs Ms St Ste Sr Mgr Gen Gén Col Lt Cpt Capt Sgt Cmdr Rev "
    "Hon Sen Sén Rep Gov Pres Prés Messrs Mt Ft cf Cf ex vs approx"
)
"""Abbreviations that never end a sentence."""
_ABBREVIATIONS_BEFORE_NUMBERS = word_set(
    "no nos art p pp fig figs vol chap ch n num env av ap sec sect para par tél tel éd ed eq"
)
"""Words that are abbreviations only before a number."""
_ABBREVIATIONS_BEFORE_NAMES = word_set(
    "inc ltd corp co llc plc jr bros bd ave blvd univ dept jan janv feb fév févr mar apr avr jun jul juil "
    "aug sep sept oct nov déc dec"
)
"""Abbreviations that end a sentence only before one of `_SENTENCE_STARTERS`."""
_SENTENCE_STARTERS = word_set(
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
_NAMES_ENDING_IN_EXCLAMATION = word_set("yahoo jeopardy")

_SENTENCE_END = re.compile(
    r"""(?:[.!?…]+(?:[\ \xa0\u202f]?[»”"’')\]]+)*(?=\s|$)|[。！？]+[」』”’）]*)""", re.VERBOSE
)
_MARK = re.compile("[.!?…。！？]")
_WORD_BEFORE = re.compile(r"[^\W\d_][\w.-]*$")
_LETTERS = re.compile(r"\w(?:[.-]+\w)*")
_NEXT = re.compile(r"""[\s"“”«»'‘’(\[—–-]*(\w*)""")
_NUMBERED = re.compile(r"\s*[\dA-Za-z]{1,2}\.\s*")
_INITIAL = re.compile(r"[^\W\d_]\.")
_CAMEL = re.compile(r"[a-z]+[A-Z]")
_BEGINNING = re.compile(r"[.!?…»”] ")
_LOOK_BACK = 40
_LOOK_AHEAD = 200
_LOOK_FURTHER = 60
_MAX_OPENING_CHARS = 4_000
"""Characters of a text that are read for its lead; a long one would block the event loop."""


def sentences(text: str) -> list[str]:
    """Return the sentences of `text` in order, stripped of white space at both ends.

    A line break ends a sentence. Abbreviations, initials, decimals and ellipses inside one do not.
    """
    return list(_sentences(text))


def _sentences(text: str) -> Iterator[str]:
    for line in text.splitlines():
        for part in _split_line(line):
            if sentence := part.strip():
                yield sentence


def _split_line(line: str) -> Iterator[str]:
    start = place = 0
    while mark := _MARK.search(line, place):
        place = mark.end()
        if stop := _SENTENCE_END.match(line, mark.start()):
            place = stop.end()
            if not _NUMBERED.fullmatch(line, start, place) and _is_sentence_end(line, stop):
                yield line[start:place]
                start = place
    yield line[start:]


def _is_sentence_end(line: str, stop: re.Match[str]) -> bool:
    following = _NEXT.match(line, stop.end())
    after = following[1] if following else ""
    if not after or stop[0][0] in "。！？":
        return True
    if after[0].islower() and not _CAMEL.match(after):
        return False
    word = _WORD_BEFORE.search(line[max(0, stop.start() - _LOOK_BACK) : stop.start()].rpartition(" ")[2])
    before = word[0] if word else ""
    if stop[0][0] != "." or stop[0].startswith(".."):
        return before.lower() not in _NAMES_ENDING_IN_EXCLAMATION
    initial = _INITIAL.match(line, following.start(1)) if following else None
    return not before or _full_stop_ends_sentence(before, "" if initial else after)


def _full_stop_ends_sentence(before: str, after: str) -> bool:
    """Return whether a full stop between the words `previous_word` and `next_word` ends a sentence."""
    if before in _ABBREVIATIONS_NEVER_FINAL:
        return False
    before = before.lower()
    if before in _ABBREVIATIONS_BEFORE_NUMBERS:
        return not (after[:1].isdecimal() or not after)
    if before in _ABBREVIATIONS_BEFORE_NAMES or _LETTERS.fullmatch(before):
        return after.lower() in _SENTENCE_STARTERS
    return True


def excerpt(text: str, limit: int) -> str:
    """Return the beginning of `text` on one line, at most `max_units` UTF-16 units.

    Whole sentences if they fill a third of the limit, else whole words and ….
    """
    text = text.strip()
    beginning = text[: 2 * limit + _LOOK_AHEAD]
    if len(beginning) == len(text) and utf16_length(whole := " ".join(text.split())) <= limit:
        return whole
    taken: list[str] = []
    units = -1
    for sentence in _sentences(text[: limit + _LOOK_AHEAD]):
        line = " ".join(sentence.split())
        if units + 1 + utf16_length(line) > limit:
            break
        units += 1 + utf16_length(line)
        taken.append(line)
    return " ".join(taken) if units * 3 >= limit else _cut_at_word(" ".join(beginning.split()), limit)


def lead_excerpt(texts: Iterable[str], title: str, limit: int) -> str:
    """Return the excerpt of the first text that is more than the title, "" if there is none.

    If the text begins with the title, as a social post does, the excerpt begins after it. At most `max_units`
    UTF-16 units.
    """
    name = title.rstrip("….")
    paragraphs = (to_plain_line(text[:_MAX_OPENING_CHARS]) for text in texts)
    shown = next((each for each in paragraphs if each and each.rstrip("….") != name), "")
    if title.endswith((".", "!", "?")) and shown.startswith(f"{title} "):
        shown = shown[len(title) :]
    return excerpt(shown, limit)


def _cut_at_word(text: str, limit: int) -> str:
    """Cut a longer text at a word to at most `max_units` UTF-16 units, with …."""
    kept = truncate_utf16(text, limit).removesuffix(ELLIPSIS)
    if not text[len(kept) : len(kept) + 1].isspace():
        word = kept.rfind(" ")
        if word * 2 > len(kept):
            kept = kept[:word]
    return (kept.rstrip(" .,;:–—-") + ELLIPSIS)[: max(0, limit)]


def excerpt_around(
    line: str, spans: Sequence[tuple[int, int]], limit: int
) -> tuple[str, list[tuple[int, int]]]:
    """Return the part of a line with most of `spans`, and their positions in it.

    The part has at most `max_units` UTF-16 units, with … where it is cut, and begins with a sentence if one
    begins near enough. `spans` are (start, end) in characters, in order; those outside the part are dropped.
    """
    if not spans:
        return excerpt(line, limit), []
    if len(line) <= limit and utf16_length(line) <= limit:
        return line, list(spans)
    start = _snap_start(line, _densest_window_start(spans, limit * 3 // 4), limit // 4)
    lead = ELLIPSIS if limit > 1 and start else ""
    rest = line[start:]
    fits = utf16_length(lead + rest[: limit + 1]) <= limit
    shown = lead + (rest if fits else _cut_at_word(rest[: limit + _LOOK_FURTHER], limit - len(lead)))
    kept = len(shown) if fits else len(shown.removesuffix(ELLIPSIS))
    moved = ((first - start + len(lead), last - start + len(lead)) for first, last in spans if first >= start)
    return shown, [span for span in moved if span[1] <= kept]


def _densest_window_start(spans: Sequence[tuple[int, int]], room: int) -> int:
    """Return the start of the window of `window_chars` characters in which most spans begin."""
    best = most = end = 0
    for first, (position, _) in enumerate(spans):
        while end < len(spans) and spans[end][0] < position + room:
            end += 1
        if end - first > most:
            best, most = position, end - first
    return best


def _snap_start(line: str, position: int, room: int) -> int:
    """Return a start at most `max_lead_chars` before `position`: of a sentence, else of a word."""
    first = max(0, position - room)
    if first == 0:
        return 0
    if beginning := _BEGINNING.search(line, first, position):
        return beginning.end()
    space = line.find(" ", first, position)
    return position if space < 0 else space + 1
