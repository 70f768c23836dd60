"""The part of a look that is typed: prefix, colour, length of the excerpt."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

import discord

from bot.core.choices import Look, Template
from bot.core.locale import _, amount
from bot.core.refusals import Refusal
from bot.posting.rendering import templates
from bot.posting.rendering.messages import LONGEST_EXCERPT, LONGEST_PREFIX
from bot.text import safe
from cogs.shared.views import AskerLayout, Interaction, Window

Take = Callable[..., Awaitable[None]]
"""Takes the click, and `prefix`, `colour` and `excerpt` as they were typed."""

_COLOUR = re.compile(r"#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})")
_SHORT_COLOUR = 3


class LookForm(Window):
    """Asks for what can only be typed, and gives it to `take` as it was typed."""

    def __init__(self, panel: AskerLayout, take: Take, look: Look) -> None:
        super().__init__(panel, _("Prefix, colour, excerpt"))
        self._take = take
        self._prefix = _field("prefix", look.prefix, LONGEST_PREFIX)
        self._colour = _field("colour", "" if look.colour is None else f"#{look.colour:06x}", 7)
        self._excerpt = _field("excerpt", "" if look.excerpt is None else str(look.excerpt), 4)
        self.add_item(discord.ui.Label(text=_("Text before each title"), component=self._prefix))
        self.add_item(
            discord.ui.Label(
                text=_("Accent colour"),
                description=_("For example #2e7d8c. Leave empty for the default."),
                component=self._colour,
            )
        )
        self.add_item(
            discord.ui.Label(
                text=_("Excerpt length"),
                description=_("Characters, 0 to {most}. Leave empty for the default.").format(
                    most=amount(LONGEST_EXCERPT)
                ),
                component=self._excerpt,
            )
        )

    async def filled(self, interaction: Interaction) -> None:
        await self._take(
            interaction,
            prefix=self._prefix.value,
            colour=self._colour.value,
            excerpt=self._excerpt.value,
        )


class TemplateForm(Window):
    """Asks for a template, and gives it to `take`."""

    def __init__(
        self, panel: AskerLayout, take: Callable[[Interaction, Template], Awaitable[None]], shown: Template
    ) -> None:
        super().__init__(panel, _("Template"))
        self._take = take
        fields = " ".join(f"{{{name}}}" for name in templates.FIELDS)
        self._title = _field("title", shown.title, templates.LONGEST_LINE)
        self._body = _field("body", shown.body, templates.LONGEST_BODY)
        self._body.style = discord.TextStyle.paragraph
        self._footer = _field("footer", shown.footer, templates.LONGEST_LINE)
        for label, told, field in (
            (_("Title line"), fields, self._title),
            (_("Text"), _("Discord’s formatting works. Leave all three empty for no template."), self._body),
            (_("Footer"), None, self._footer),
        ):
            self.add_item(discord.ui.Label(text=label, description=told, component=field))

    async def filled(self, interaction: Interaction) -> None:
        typed = (field.value.strip() for field in (self._title, self._body, self._footer))
        await self._take(interaction, Template(*typed))


def _field(name: str, value: str, most: int) -> discord.ui.TextInput[Any]:
    return discord.ui.TextInput(custom_id=name, default=value or None, max_length=most, required=False)


def read_colour(typed: str) -> int | None:
    """A colour as it was typed, None for none. Raises `Refusal`."""
    if not typed.strip():
        return None
    match = _COLOUR.fullmatch(typed.strip())
    if match is None:
        raise Refusal(
            _(
                "“{text}” isn’t a colour code. Use # and six digits or letters from a to f, such as #2e7d8c."
            ).format(text=safe.markdown(safe.plain(typed, 20)))
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
                text=safe.markdown(safe.plain(typed, 20)), most=amount(LONGEST_EXCERPT)
            )
        )
    return int(typed)
