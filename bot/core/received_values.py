"""Reading of single values that strangers send: integers, texts and values of HTTP header fields.

What is stored or sent on has passed through one of these functions, which bound it and leave out what neither the
database nor HTTP can carry. tests/test_received_values.py names the rooms in which nothing else reads such values.
"""

import math
import re

MAX_STORED_INTEGER = 2**63 - 1
"""Highest integer that a column can hold."""

_CP1252_BYTE_BY_CHAR = {bytes([byte]).decode("cp1252", "ignore") or chr(byte): byte for byte in range(0x80, 0xC0)}
_MOJIBAKE_PATTERN = re.compile("(?:[ÂÃ][{0}]|â[€\x80-\x81][{0}]|Å[“’])".format("".join(_CP1252_BYTE_BY_CHAR)))
"""Pattern of two or three characters that were one before its UTF-8 was decoded as windows-1252."""
_INVALID_CHARS_PATTERN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_DECIMAL_PATTERN = re.compile(r"\d+(?:\.\d*)?", re.ASCII)
_MAX_DECIMAL_CHARS = 100
_CONTROL_CHARS_PATTERN = re.compile("[\x00-\x08\x0a-\x1f\x7f]")


def parse_integer(value: object, *, maximum: int = MAX_STORED_INTEGER) -> int | None:
    """Return the whole number from 0 to `maximum` that a number or a decimal text is, or None for anything else.

    The fraction of a float is dropped.
    """
    number = _parse_number(value, max_digits=len(str(maximum)))
    return number if number is not None and number <= maximum else None


def parse_clamped_integer(value: object, *, maximum: int) -> int | None:
    """Return a whole number as `parse_integer` does, but `maximum` for a higher number."""
    number = _parse_number(value, max_digits=len(str(maximum)))
    return None if number is None else min(number, maximum)


def parse_seconds(value: object, *, maximum: float) -> float | None:
    """Return a number of seconds from 0 to `maximum`, with its fraction; a higher number counts as `maximum`.

    Return None for what is neither a number nor a decimal text.
    """
    if isinstance(value, str):
        match = _DECIMAL_PATTERN.fullmatch(value.strip()[:_MAX_DECIMAL_CHARS])
        value = None if match is None else float(match[0])
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:  # also NaN
        return None
    return float(min(value, maximum))


def _parse_number(value: object, *, max_digits: int) -> int | None:
    """Return a whole number of 0 or more, or None; digits of a text beyond `max_digits` count as a higher number."""
    if isinstance(value, str):
        digits = value.strip()
        if not (digits.isascii() and digits.isdecimal()):
            return None
        digits = digits.lstrip("0") or "0"  # Python refuses to read thousands of digits.
        return int(digits) if len(digits) <= max_digits else 10**max_digits
    if isinstance(value, float):
        return int(value) if math.isfinite(value) and value >= 0 else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def clean_text(value: object) -> str:
    """Return a text without characters that XML forbids, and with double encoding (`Ã©` for `é`) undone.

    Return "" for what is no text.
    """
    if not isinstance(value, str):
        return ""
    if "Ã" in value or "Â" in value or "â€" in value or "Å" in value:
        value = _MOJIBAKE_PATTERN.sub(_undo_mojibake, value)
    return _INVALID_CHARS_PATTERN.sub("", value)


def _undo_mojibake(match: re.Match[str]) -> str:
    original_bytes = bytes(_CP1252_BYTE_BY_CHAR.get(character, ord(character)) for character in match[0])
    return original_bytes.decode("utf-8", "ignore") or match[0]


def to_single_line(value: object, max_chars: int) -> str:
    """Return a text on one line of at most `max_chars` characters, or "" for what is no text."""
    text = value if isinstance(value, str) else ""
    return " ".join(clean_text(text[: 4 * max_chars]).split())[:max_chars].rstrip()


def parse_field_value(value: str | None) -> str | None:
    """Return the value of an HTTP header field, or None if there is none or it is invalid (RFC 9110 §5.5).

    Bytes that are not UTF-8 are left out: they can neither be stored nor sent back.
    """
    if value is None or _CONTROL_CHARS_PATTERN.search(value):
        return None
    return value if value.isascii() else value.encode("utf-8", "surrogateescape").decode("utf-8", "ignore")
