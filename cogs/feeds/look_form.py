"""The part of a look that is typed: prefix, colour, length of the excerpt."""

import re
from typing import Any

import discord

from bot.core.choices import Look, Template
from bot.core.locale import _, amount
from bot.core.refusals import Refusal
from bot.posting.rendering import templates
from bot.posting.rendering.messages import LONGEST_EXCERPT, LONGEST_PREFIX
from bot.text import safe
from cogs.shared.views import AskerLayout
from cogs.shared.windows import Filled, Line, Window

_COLOUR = re.compile(r"#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})")
_SHORT_COLOUR = 3


def look_form(panel: AskerLayout, take: Filled, look: Look) -> Window:
    """Asks for prefix, colour and length of the excerpt, and gives them to `take` as they were typed."""
    colour = "" if look.colour is None else f"#{look.colour:06x}"
    excerpt = "" if look.excerpt is None else str(look.excerpt)
    told = _("Characters, 0 to {most}. Leave empty for the default.").format(most=amount(LONGEST_EXCERPT))
    by_default = _("For example #2e7d8c. Leave empty for the default.")
    return Window(
        _("Prefix, colour, excerpt"),
        take,
        _line("prefix", _("Text before each title"), look.prefix, LONGEST_PREFIX),
        _line("colour", _("Accent colour"), colour, 7, description=by_default),
        _line("excerpt", _("Excerpt length"), excerpt, 4, description=told),
        view=panel,
    )


def template_form(panel: AskerLayout, take: Filled, shown: Template) -> Window:
    """Asks for the title line, text and footer of a template, and gives them to `take`."""
    fields = " ".join(f"{{{name}}}" for name in templates.FIELDS)
    long = discord.TextStyle.paragraph
    return Window(
        _("Template"),
        take,
        _line("title", _("Title line"), shown.title, templates.LONGEST_LINE, description=fields),
        _line(
            "body",
            _("Text"),
            shown.body,
            templates.LONGEST_BODY,
            description=_(
                "You can use Discord’s formatting. Leave all three fields empty to remove the template."
            ),
            style=long,
        ),
        _line("footer", _("Footer"), shown.footer, templates.LONGEST_LINE),
        view=panel,
    )


def _line(name: str, label: str, value: str, most: int, **look: Any) -> Line:  # noqa: ANN401  # of a line
    return Line(name, label, default=value or None, max_length=most, required=False, **look)


def read_colour(typed: str) -> int | None:
    """A colour as it was typed, None for none. Raises `Refusal`."""
    if not typed.strip():
        return None
    match = _COLOUR.fullmatch(typed.strip())
    if match is None:
        raise Refusal(
            _(
                "“{text}” isn’t a colour code. Use # and six digits or letters from a to f, such as #2e7d8c."
            ).format(text=safe.line(typed, 20))
        )
    digits = match[1]
    return int("".join(2 * digit for digit in digits) if len(digits) == _SHORT_COLOUR else digits, 16)


def read_length(typed: str) -> int | None:
    """The length of an excerpt as it was typed, None for none. Raises `Refusal`."""
    typed = typed.strip()
    if not typed:
        return None
    if not typed.isascii() or not typed.isdecimal() or int(typed) > LONGEST_EXCERPT:
        raise Refusal(
            _("“{text}” isn’t a length. Use a number from 0 to {most}.").format(
                text=safe.line(typed, 20), most=amount(LONGEST_EXCERPT)
            )
        )
    return int(typed)
