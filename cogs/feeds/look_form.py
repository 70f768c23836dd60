"""Modals for the typed parts of a look: prefix, colour, excerpt length and template."""

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

_COLOUR = re.compile(r"#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})")
_SHORT_COLOUR = 3


def look_form(panel: OwnedView, on_submit: OnModalSubmit, look: PostLook) -> FormModal:
    """Return a modal that passes prefix, colour and excerpt length to `on_submit` as text."""
    colour = "" if look.colour is None else f"#{look.colour:06x}"
    excerpt = "" if look.excerpt is None else str(look.excerpt)
    told = _("Characters, 0 to {most}. Leave empty for the default.").format(
        most=format_number(MAX_EXCERPT_LENGTH)
    )
    by_default = _("For example #2e7d8c. Leave empty for the default.")
    return FormModal(
        _("Prefix, colour, excerpt"),
        on_submit,
        _text_field("prefix", _("Text before each title"), look.prefix, MAX_PREFIX_LENGTH),
        _text_field("colour", _("Accent colour"), colour, 7, description=by_default),
        _text_field("excerpt", _("Excerpt length"), excerpt, 4, description=told),
        view=panel,
    )


def template_form(panel: OwnedView, on_submit: OnModalSubmit, shown: Template) -> FormModal:
    """Return a modal that passes the title line, text and footer of a template to `on_submit`."""
    fields = " ".join(f"{{{name}}}" for name in post_templates.FIELDS)
    long = discord.TextStyle.paragraph
    return FormModal(
        _("Template"),
        on_submit,
        _text_field(
            "title", _("Title line"), shown.title, post_templates.MAX_LINE_LENGTH, description=fields
        ),
        _text_field(
            "body",
            _("Text"),
            shown.body,
            post_templates.MAX_BODY_LENGTH,
            description=_(
                "You can use Discord’s formatting. Leave all three fields empty to remove the template."
            ),
            style=long,
        ),
        _text_field("footer", _("Footer"), shown.footer, post_templates.MAX_LINE_LENGTH),
        view=panel,
    )


def _text_field(name: str, label: str, value: str, most: int, **look: Any) -> TextField:  # noqa: ANN401
    return TextField(name, label, default=value or None, max_length=most, required=False, **look)


def parse_colour(typed: str) -> int | None:
    """Return a colour code as an RGB number, or None if it is empty. Raise `UserFacingError` if invalid."""
    if not typed.strip():
        return None
    match = _COLOUR.fullmatch(typed.strip())
    if match is None:
        raise UserFacingError(
            _(
                "“{text}” isn’t a colour code. Use # and six digits or letters from a to f, such as #2e7d8c."
            ).format(text=discord_text.to_markdown_line(typed, 20))
        )
    digits = match[1]
    return int("".join(2 * digit for digit in digits) if len(digits) == _SHORT_COLOUR else digits, 16)


def parse_excerpt_length(typed: str) -> int | None:
    """Return an excerpt length in characters, or None if empty. Raise `UserFacingError` if invalid."""
    typed = typed.strip()
    if not typed:
        return None
    if not typed.isascii() or not typed.isdecimal() or int(typed) > MAX_EXCERPT_LENGTH:
        raise UserFacingError(
            _("“{text}” isn’t a length. Use a number from 0 to {most}.").format(
                text=discord_text.to_markdown_line(typed, 20), most=format_number(MAX_EXCERPT_LENGTH)
            )
        )
    return int(typed)
