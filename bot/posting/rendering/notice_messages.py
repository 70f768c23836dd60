"""Message of a notice, a text of the operator for all servers."""

import re

from bot.core import i18n
from bot.core.i18n import _
from bot.posting.rendering import buttons, messages
from bot.posting.rendering.layout import outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Card, text_block
from bot.posting.rendering.messages import Message
from bot.text import discord_text

_URL_PATTERN = re.compile(r"https?://[^\s<>()\[\]]{1,2000}")


def notice_message(notice_id: int, text: str, *, language: str) -> Message:
    """Return the message of a notice, with a button by which managers refuse further notices."""
    with i18n.language_scope(language):
        card = Card(
            (text_block(notice_markup(text)), ActionRow(buttons.NOTICES_OFF_BUTTON(notice_id))),
            outlet_branding.DEFAULT_COLOUR,
        )
        return Message(discord_text.to_plain_line(text, messages.MAX_THREAD_NAME_LENGTH), layout=(card,))


def notice_markup(text: str) -> str:
    """Return the text of a notice under its heading, in the current language.

    Its markup is escaped, so that it mentions nobody and hides no address behind words; addresses can be clicked.
    """
    markup_parts: list[str] = []
    position = 0
    for url_match in _URL_PATTERN.finditer(text):
        markup_parts.append(discord_text.escape_markdown(text[position : url_match.start()]))
        markup_parts.append(messages.safe_url(url_match[0]) or discord_text.escape_markdown(url_match[0]))
        position = url_match.end()
    markup_parts.append(discord_text.escape_markdown(text[position:]))
    heading = _("Notice from whoever runs Telex")
    return f"### {heading}\n{''.join(markup_parts)}"
