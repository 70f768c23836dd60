"""Text that is safe in a Discord message.

Discord's markup: https://support.discord.com/hc/articles/210298617 and
https://discord.com/developers/docs/reference#message-formatting. A backslash before any character that is
neither a letter, a digit nor white space shows that character.
"""

import re

from bot.text.characters import COMBINING_MARKS, limit_combining_marks, strip_invisible

ELLIPSIS = "…"
"""Sign (…) at the end of a truncated text."""
_BLANK_CHARS_PATTERN = re.compile("[\u2800\u3164]")
_MARKUP_PATTERN = re.compile(r"[\\*_~`|\[\]<>@#:]")
_LINE_MARKUP_PATTERN = re.compile(r"^([^\S\n]*(?:\d+)?)([-+.])(?=[#\s]|$)", re.MULTILINE)
_GRAPHEME_EXTENDER_PATTERN = re.compile(f"[\u200d\ufe0e\ufe0f\u20e3\U0001f3fb-\U0001f3ff{COMBINING_MARKS}\u3099\u309a]")
_FLAG_LETTERS_PATTERN = re.compile("[\U0001f1e6-\U0001f1ff]+\\Z")


def to_plain_line(text: str, max_units: int | None = None) -> str:
    """Return `text` on one line without control, zero-width, direction or tag characters.

    At most four combining marks stay on a character. A text of more than `max_units` UTF-16 units, as Discord
    counts, is truncated with …; None means no limit.
    """
    text = " ".join(limit_combining_marks(strip_invisible(_BLANK_CHARS_PATTERN.sub(" ", text))).split())
    return text if max_units is None else truncate_utf16(text, max_units)


def escape_markdown(text: str) -> str:
    """Return `text` with Discord's markup escaped, so that readers see it as written.

    Markup is emphasis, code, spoilers, quotes, headings, lists, bare and masked links, mentions, timestamps,
    emoji and commands. To meet a limit, apply `truncate_utf16` to the escaped text.
    """
    return _LINE_MARKUP_PATTERN.sub(r"\1\\\2", _MARKUP_PATTERN.sub(r"\\\g<0>", text))


def to_markdown_line(text: str, max_units: int | None = None) -> str:
    """Return a text on one line without control characters, with Discord's markup escaped.

    The text is truncated to `max_units` UTF-16 units before it is escaped; None means no limit.
    """
    return escape_markdown(to_plain_line(text, max_units))


def count_utf16_units(text: str) -> int:
    """Return the length of `text` in UTF-16 units, as Discord counts."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def truncate_utf16(text: str, max_units: int) -> str:
    """Return `text` truncated to at most `max_units` UTF-16 units, with … if something is missing.

    Without room for the …, "" is returned. The cut is never inside a character, an emoji sequence, a flag, or an
    escape of `escape_markdown`.
    """
    if len(text) <= max_units and count_utf16_units(text) <= max_units:
        return text
    if max_units < 1:
        return ""
    end = units = 0
    if count_utf16_units(text[:max_units]) == max_units:  # Every character is one unit.
        end = max_units - 1
    else:
        while (units := units + 1 + (text[end] > "\uffff")) < max_units:
            end += 1
    while end and _splits_grapheme(text, end):
        end -= 1
    return text[:end].rstrip() + ELLIPSIS


def _splits_grapheme(text: str, position: int) -> bool:
    """Return whether a cut at `position` would split a character as readers see it, or an escape."""
    if text[position - 1] == "\u200d" or _GRAPHEME_EXTENDER_PATTERN.match(text, position):
        return True
    preceding_text = text[max(0, position - 1000) : position]
    if (len(preceding_text) - len(preceding_text.rstrip("\\"))) % 2:
        return True
    flag_letters = (
        _FLAG_LETTERS_PATTERN.search(preceding_text) if "\U0001f1e6" <= text[position] <= "\U0001f1ff" else None
    )
    return bool(flag_letters and len(flag_letters[0]) % 2)
