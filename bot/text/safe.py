"""Text of feeds and people made harmless for a Discord message.

What Discord's clients read as markup: https://support.discord.com/hc/articles/210298617 and
https://discord.com/developers/docs/reference#message-formatting. A backslash before any character that is
neither a letter, a digit nor white space shows that character.
"""

import re

from bot.text.characters import MARKS, calm, visible

ELLIPSIS = "…"
_BLANK = re.compile("[\u2800\u3164]")
_MARKUP = re.compile(r"[\\*_~`|\[\]<>@#:]")
_LINE_MARKUP = re.compile(r"^([^\S\n]*(?:\d+)?)([-+.])(?=[#\s]|$)", re.MULTILINE)
_AFTER = re.compile(f"[\u200d\ufe0e\ufe0f\u20e3\U0001f3fb-\U0001f3ff{MARKS}\u3099\u309a]")
_FLAG_LETTERS = re.compile("[\U0001f1e6-\U0001f1ff]+\\Z")


def plain(text: str, limit: int | None = None) -> str:
    """One line of `text`: no control, zero-width, direction or tag characters, spaces folded.

    At most four combining marks stay on a character. Cut with … where it would exceed `limit`, counted in
    UTF-16 units as Discord's clients count.
    """
    text = " ".join(calm(visible(_BLANK.sub(" ", text))).split())
    return text if limit is None else cut(text, limit)


def markdown(text: str) -> str:
    """`text` with everything that Discord reads as markup escaped; a reader sees the same characters.

    Emphasis, code, spoilers, quotes, headings, lists, links bare or masked, mentions, times, emoji, commands.
    To meet a limit, give the result to `cut`.
    """
    return _LINE_MARKUP.sub(r"\1\\\2", _MARKUP.sub(r"\\\g<0>", text))


def line(text: str, limit: int | None = None) -> str:
    """One line of `text` as `plain` makes it, with what Discord reads as markup escaped."""
    return markdown(plain(text, limit))


def length(text: str) -> int:
    """How long Discord counts `text`: in UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, limit: int) -> str:
    """At most `limit` UTF-16 units of `text`, with … where something is missing.

    Never cuts within a character, an emoji sequence, a flag, or an escape of `markdown`.
    """
    if len(text) <= limit and length(text) <= limit:
        return text
    if limit < 1:
        return ""
    end = units = 0
    if length(text[:limit]) == limit:  # one unit each
        end = limit - 1
    else:
        while (units := units + 1 + (text[end] > "\uffff")) < limit:
            end += 1
    while end and _joined(text, end):
        end -= 1
    return text[:end].rstrip() + ELLIPSIS


def _joined(text: str, position: int) -> bool:
    """Whether what follows `position` belongs to what is before it."""
    if text[position - 1] == "\u200d" or _AFTER.match(text, position):
        return True
    before = text[max(0, position - 1000) : position]
    if (len(before) - len(before.rstrip("\\"))) % 2:
        return True
    flags = _FLAG_LETTERS.search(before) if "\U0001f1e6" <= text[position] <= "\U0001f1ff" else None
    return bool(flags and len(flags[0]) % 2)
