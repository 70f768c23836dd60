"""Checks of the texts of a notice, which the operator sends to all servers."""

import re
from collections.abc import Mapping

from bot.core.user_errors import RequestRejected
from bot.store.records.operating_records import NoticeRejection
from bot.text import discord_text

MAX_NOTICE_LENGTH = 1_500
"""Maximum length in UTF-16 units of a notice in one language, which fits into a message with all markup escaped."""
_SURPLUS_LINES_PATTERN = re.compile(r"\n{3,}")


def clean_notice_texts(text_by_language: Mapping[str, str]) -> dict[str, str]:
    """Return the texts of a notice by language code, without invisible characters and without empty texts.

    Of several empty lines in a row, one is left. Raises RequestRejected if all texts are empty, or one is too long.
    """
    cleaned_texts: dict[str, str] = {}
    for language, text in text_by_language.items():
        length = discord_text.count_utf16_units(text)
        if length > MAX_NOTICE_LENGTH:
            raise RequestRejected(NoticeRejection.TOO_LONG, count=length, limit=MAX_NOTICE_LENGTH)
        lines = "\n".join(discord_text.to_plain_line(line) for line in text.splitlines())
        if cleaned_text := _SURPLUS_LINES_PATTERN.sub("\n\n", lines).strip():
            cleaned_texts[language] = cleaned_text
    if not cleaned_texts:
        raise RequestRejected(NoticeRejection.EMPTY)
    return cleaned_texts
