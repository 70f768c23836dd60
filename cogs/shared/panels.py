"""Panels of settings: a heading, then each setting with its value and what changes it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

import discord

from bot.core import locale
from bot.core.choices import Preference
from bot.core.locale import _
from bot.core.refusals import Refusal
from bot.posting.rendering.layout.blocks import Item, Section, Text, text
from bot.text import safe
from bot.text.times import zones
from cogs.shared.place_options import Place, require_view
from cogs.shared.rights import ManagersLayout
from cogs.shared.views import AskerLayout, Choose, Interaction, Press, option
from cogs.shared.windows import Line, asking

T = TypeVar("T")

_LONGEST_ZONE = 60

NONE = "-"
"""The value of the option that chooses nothing."""


class SettingsPanel(ManagersLayout):
    """A panel with settings of a server, or of a channel of it."""

    channel: Place | None = None

    async def change(self, preference: Preference, value: str | int | None) -> None:
        await self.store.preferences.change(
            preference,
            value,
            server_id=self.guild.id,
            channel_id=None if self.channel is None else self.channel.id,
            person_id=self.person_id,
        )
        self.has_saved = True


class ChannelPanel(SettingsPanel):
    """A panel about one channel, for who may still manage feeds and still sees it."""

    channel: Place

    def __init__(self, interaction: Interaction, channel: Place) -> None:
        super().__init__(interaction)
        self.channel = channel

    async def check(self, interaction: Interaction) -> None:
        await super().check(interaction)
        await require_view(interaction, self.channel.id)


def headed(title: str, *lines: str) -> Text:
    """The heading of a card, and lines below it, of which some may be empty."""
    return text("\n".join(filter(None, (f"### {title}", *lines))))


def setting(name: str, value: str = "", change: Item | None = None) -> Section:
    """A setting and its value, a line or several of markup, with the button that changes it.

    Without a value where a menu below shows it.
    """
    lines = (f"**{name}**", *(f"-# {line}" for line in value.splitlines()))
    return Section((text("\n".join(lines)),), change)


def options(
    chosen: T | None, values: Iterable[T], label: Callable[[T], str], otherwise: str
) -> list[discord.SelectOption]:
    """Options of a menu, after that of choosing nothing; what holds is marked."""
    return [
        option(otherwise, NONE, chosen=chosen is None),
        *(option(label(value), value, chosen=value == chosen) for value in values),
    ]


def number(values: list[str]) -> int | None:
    """The number that was chosen of such options; None for nothing."""
    return None if values[0] == NONE else int(values[0])


def zone_button(
    view: AskerLayout,
    take: Callable[[Interaction, str], Awaitable[None]],
    label: str = "",
    **look: Any,  # noqa: ANN401  # of a button
) -> Press:
    """A button that asks for a time zone, and gives its name in the IANA database to `take`."""

    async def typed(interaction: Interaction, text: str) -> None:
        zone = await asyncio.to_thread(zones.find, text)
        if zone is None:
            raise Refusal(await _no_zone(text))
        await take(interaction, zone)

    line = Line(
        "line",
        _("City, country, or a name like Europe/Paris"),
        placeholder="Europe/Paris",
        max_length=_LONGEST_ZONE,
    )
    return asking(view, typed, label or _("Change…"), line, title=_("Time zone"), **look)


async def _no_zone(text: str) -> str:
    given = safe.line(text, _LONGEST_ZONE)
    if any(character.isdecimal() for character in text):
        return _(
            "“{text}” ignores daylight saving time. Enter a city or a country, such as Paris or Belgium."
        ).format(text=given)
    if names := await asyncio.to_thread(zones.near, text):
        offered = ", ".join(f"`{name}`" for name in names)
        return _("I don’t know the time zone “{text}”. Did you mean {names}?").format(
            text=given, names=offered
        )
    return _(
        "I don’t know the time zone “{text}”. Enter the nearest big city in your time zone, such as Paris."
    ).format(text=given)


def language_name(language: str) -> str:
    """A language of posts as the reader calls it within a sentence."""
    return {"en": _("English"), "fr": _("French")}.get(language, language)


def languages(panel: SettingsPanel, chosen: str | None, otherwise: str) -> Choose:
    """A menu of the languages of posts; `otherwise` is what holds where none is chosen."""

    async def speak(_interaction: Interaction, values: list[str]) -> None:
        await panel.change(Preference.LANGUAGE, locale.supported(values[0]))

    shown = options(chosen, locale.LANGUAGES, lambda each: language_name(each).capitalize(), otherwise)
    return Choose(speak, placeholder=_("Post language…"), options=shown)
