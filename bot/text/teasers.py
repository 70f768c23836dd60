"""Detection of teasers: texts that have only a part of their article."""

import re

MAX_TEASER_CHARS = 800
"""Number of characters below which a text of one or two paragraphs is a teaser; a longer one may be a full article."""
_MAX_TEASER_PARAGRAPHS = 2
_TRUNCATION_MARK_PATTERN = re.compile(
    r"(?:\[(?:…|\.{3}|&hellip;)\]|\((?:…|\.{3})\)|…|(?<![.!?])\.{3}"
    r"|(?:\b(?:read more|(?:continue|keep) reading|learn more|read this article|read the (?:rest|full \w+)"
    r"|lire (?:la suite|plus|l['’]article)|en savoir plus|suite de l['’]article|la suite)\b.{0,120}))"
    r"[\s»→>\])….:]*$",
    re.IGNORECASE,
)
_TAIL_CHARS = 200
"""Number of characters at the end of a text in which a truncation mark is looked for."""
_MIN_FULL_TEXT_CHARS = 3_000
"""Minimum number of characters of a text that is a full article although it ends in dots."""


def is_teaser(text: str) -> bool:
    """Return whether the text of an entry is likely only the beginning or a summary of its article.

    Such a text is empty, ends with a truncation mark and is not long, or is short and has one or two paragraphs. For a
    full article that short, fetching the page is superfluous but harmless.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return True
    if len(text) < _MIN_FULL_TEXT_CHARS and _TRUNCATION_MARK_PATTERN.search(lines[-1].strip()[-_TAIL_CHARS:]):
        return True
    return len(lines) <= _MAX_TEASER_PARAGRAPHS and len(text) < MAX_TEASER_CHARS
