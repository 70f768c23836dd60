"""Checks on a look that was not chosen in the panel for looks, which offers only what posts can have."""

from dataclasses import astuple

from bot.core.preferences import PostLook
from bot.posting.rendering.messages import MAX_EXCERPT_LENGTH, MAX_PREFIX_LENGTH
from bot.posting.rendering.post_templates import MAX_BODY_LENGTH, MAX_TITLE_OR_FOOTER_LENGTH, find_template_error
from bot.text.discord_text import count_utf16_units


def is_valid_look(look: PostLook) -> bool:
    """Return whether posts can have a look: its lengths are within their limits, and its template is valid."""
    if count_utf16_units(look.prefix) > MAX_PREFIX_LENGTH or not 0 <= (look.excerpt_length or 0) <= MAX_EXCERPT_LENGTH:
        return False
    if look.template is None:
        return True
    max_lengths = (MAX_TITLE_OR_FOOTER_LENGTH, MAX_BODY_LENGTH, MAX_TITLE_OR_FOOTER_LENGTH)
    has_valid_lengths = all(
        count_utf16_units(text) <= max_length
        for text, max_length in zip(astuple(look.template), max_lengths, strict=True)
    )
    return has_valid_lengths and find_template_error(look.template) is None
