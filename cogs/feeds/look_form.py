"""Modals for the typed parts of a look (how posts appear): prefix, colour, excerpt length and template."""

import re
from typing import Any

import discord

from bot.core.i18n import _, format_number
from bot.core.preferences import PostLook, Template
from bot.core.user_errors import UserFacingError
from bot.posting.rendering import post_templates
from bot.posting.rendering.messages import MAX_EXCERPT_LENGTH, MAX_PREFIX_LENGTH
from bot.text import discord_text
from cogs.shared.modals import FormModal, OnModalSubmit, TextField
from cogs.shared.views import OwnedView

_COLOUR_PATTERN = re.compile(r"#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})")
"""Pattern of a colour code of three or six hexadecimal digits."""
_SHORT_COLOUR_LENGTH = 3
"""Number of digits of a colour with one hexadecimal digit for each of red, green and blue."""


def look_modal(panel: OwnedView, on_submit: OnModalSubmit, look: PostLook) -> FormModal:
    """Return a modal that passes the prefix, colour and excerpt length of posts, as text, to `on_submit`."""
    colour_text = "" if look.colour is None else f"#{look.colour:06x}"
    excerpt_length_text = "" if look.excerpt_length is None else str(look.excerpt_length)
    excerpt_hint = _("Characters, 0 to {most}. Leave empty for the default.").format(
        most=format_number(MAX_EXCERPT_LENGTH)
    )
    colour_hint = _("For example #2e7d8c. Leave empty for the default.")
    return FormModal(
        _("Prefix, colour, excerpt"),
        on_submit,
        _build_text_field("prefix", _("Text before each title"), look.prefix, MAX_PREFIX_LENGTH),
        _build_text_field("colour", _("Accent colour"), colour_text, 7, description=colour_hint),
        _build_text_field("excerpt", _("Excerpt length"), excerpt_length_text, 4, description=excerpt_hint),
        view=panel,
    )


def template_modal(panel: OwnedView, on_submit: OnModalSubmit, template: Template) -> FormModal:
    """Return a modal that passes the title line, text and footer of a post's template to `on_submit`."""
    placeholders_text = " ".join(f"{{{name}}}" for name in post_templates.FIELDS)
    paragraph_style = discord.TextStyle.paragraph
    return FormModal(
        _("Template"),
        on_submit,
        _build_text_field(
            "title",
            _("Title line"),
            template.title,
            post_templates.MAX_TITLE_OR_FOOTER_LENGTH,
            description=placeholders_text,
        ),
        _build_text_field(
            "body",
            _("Text"),
            template.body,
            post_templates.MAX_BODY_LENGTH,
            description=_("You can use Discord’s formatting. Leave all three fields empty to remove the template."),
            style=paragraph_style,
        ),
        _build_text_field("footer", _("Footer"), template.footer, post_templates.MAX_TITLE_OR_FOOTER_LENGTH),
        view=panel,
    )


def _build_text_field(
    field_id: str,
    label: str,
    default_text: str,
    max_length: int,
    **field_kwargs: Any,  # noqa: ANN401 - keyword arguments of a text field
) -> TextField:
    return TextField(
        field_id, label, default=default_text or None, max_length=max_length, required=False, **field_kwargs
    )


def parse_colour(colour_text: str) -> int | None:
    """Return a colour code as an RGB number, or None if the text is empty.

    Raises `UserFacingError` if the code is invalid.
    """
    if not colour_text.strip():
        return None
    match = _COLOUR_PATTERN.fullmatch(colour_text.strip())
    if match is None:
        raise UserFacingError(
            _("“{text}” isn’t a colour code. Use # and six digits or letters from a to f, such as #2e7d8c.").format(
                text=discord_text.to_markdown_line(colour_text, 20)
            )
        )
    digits = match[1]
    return int("".join(2 * digit for digit in digits) if len(digits) == _SHORT_COLOUR_LENGTH else digits, 16)


def parse_excerpt_length(length_text: str) -> int | None:
    """Return an excerpt length, in UTF-16 units, or None if the text is empty.

    Raises `UserFacingError` if the length is invalid.
    """
    length_text = length_text.strip()
    if not length_text:
        return None
    if not length_text.isascii() or not length_text.isdecimal() or int(length_text) > MAX_EXCERPT_LENGTH:
        raise UserFacingError(
            _("“{text}” isn’t a length. Use a number from 0 to {most}.").format(
                text=discord_text.to_markdown_line(length_text, 20), most=format_number(MAX_EXCERPT_LENGTH)
            )
        )
    return int(length_text)
