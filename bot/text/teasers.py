"""Whether a feed gives all of an article."""

import re

MAX_TEASER_CHARS = 800
"""Characters of one or two paragraphs that are hardly a whole article."""
_PARAGRAPHS = 2
_TRUNCATION_MARK = re.compile(
    r"(?:\[(?:…|\.{3}|&hellip;)\]|\((?:…|\.{3})\)|…|(?<![.!?])\.{3}"
    r"|(?:\b(?:read more|(?:continue|keep) reading|learn more|read this article|read the (?:rest|full \w+)"
    r"|lire (?:la suite|plus|l['’]article)|en savoir plus|suite de l['’]article|la suite)\b.{0,120}))"
    r"[\s»→>\])….:]*$",
    re.IGNORECASE,
)
_TAIL = 200
_MIN_FULL_TEXT_CHARS = 3_000
"""Characters of a text that is whole although it ends in dots."""


def is_teaser(text: str) -> bool:
    """Whether the text that a feed gives of an article is likely only its beginning or a summary.

    So it is when it ends as what was cut does, and when it is short and of one or two paragraphs. There are
    whole articles that short: then reading their pages costs a visit and changes nothing.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return True
    if len(text) < _MIN_FULL_TEXT_CHARS and _TRUNCATION_MARK.search(lines[-1].strip()[-_TAIL:]):
        return True
    return len(lines) <= _PARAGRAPHS and len(text) < MAX_TEASER_CHARS
