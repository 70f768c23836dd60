"""Settings panels: sections with a value and a control, and menus for common settings."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

import discord

from bot.core import i18n
from bot.core.i18n import _
from bot.core.preferences import Preference
from bot.core.setting_registry import ChannelSetting
from bot.core.user_errors import UserFacingError
from bot.posting.rendering.layout.blocks import Item, Section, Text, text_block
from bot.posting.wording.setting_words import get_language_name
from bot.text import discord_text
from bot.text.times import zones
from cogs.shared.authorization import ManagersPanel
from cogs.shared.channel_options import PostableChannel, require_visible
from cogs.shared.modals import TextField, modal_button
from cogs.shared.views import ActionButton, Interaction, OwnedView, StringMenu, menu_option

T = TypeVar("T")

_MAX_TIME_ZONE_LENGTH = 60
"""Maximum length in UTF-16 units of the text typed for a time zone."""

NO_CHOICE_VALUE = "-"
"""Value of the menu option that unsets a setting."""


async def change_preference(panel: ManagersPanel, preference: Preference, new_value: str | int | None) -> None:
    """Change a setting (preference) of the panel's server, and have the panel say that the change is saved."""
    await panel.store.preferences.change(preference, new_value, server_id=panel.guild.id, user_id=panel.user_id)
    panel.has_saved = True


class ChannelPanel(ManagersPanel):
    """Panel about one channel, for users who manage feeds and can see the channel."""

    def __init__(self, interaction: Interaction, channel: PostableChannel) -> None:
        super().__init__(interaction)
        self.channel = channel

    async def authorize(self, interaction: Interaction) -> None:
        await super().authorize(interaction)
        await require_visible(interaction, self.channel.id)

    async def change(self, setting: ChannelSetting[T], new_value: T) -> None:
        """Change a setting of the channel, have the panel say so, and apply it to the channel's pending posts."""
        await self.store.preferences.change_channel(
            setting, new_value, server_id=self.guild.id, channel_id=self.channel.id, user_id=self.user_id
        )
        self.has_saved = True
        await self.client.outbox_relay.recheck_channel(self.channel.id)
        self.client.outbox_relay.wake()


def heading_block(title: str, *lines: str) -> Text:
    """Return the first block of a card: a title, followed by the given lines that are not empty."""
    return text_block("\n".join(filter(None, (f"### {title}", *lines))))


def setting_section(name: str, value_text: str = "", control: Item | None = None) -> Section:
    """Return the section of a setting: its name, the lines of its value, and the control that changes it.

    `value_text` is empty if a menu after the section shows the value.
    """
    lines = (f"**{name}**", *(f"-# {line}" for line in value_text.splitlines()))
    return Section((text_block("\n".join(lines)),), control)


def build_setting_options(
    selected_choice: T | None, choice_values: Iterable[T], format_label: Callable[[T], str], unset_label: str
) -> list[discord.SelectOption]:
    """Return the options of a setting's menu: one that unsets it, then one for each value.

    `selected_choice` is the current value, which is preselected; None if the setting is unset.
    """
    return [
        menu_option(unset_label, NO_CHOICE_VALUE, is_default=selected_choice is None),
        *(menu_option(format_label(choice), choice, is_default=choice == selected_choice) for choice in choice_values),
    ]


def parse_selected_number(selected_values: list[str]) -> int | None:
    """Return the number selected in the menu of a setting, or None if the option that unsets it is selected."""
    return None if selected_values[0] == NO_CHOICE_VALUE else int(selected_values[0])


def time_zone_button(
    view: OwnedView,
    on_submit: Callable[[Interaction, str], Awaitable[None]],
    label: str = "",
    **kwargs: Any,  # noqa: ANN401
) -> ActionButton:
    """Return a button that asks for a time zone and passes its IANA name to `on_submit`; `kwargs` are the button's."""

    async def submit_time_zone(interaction: Interaction, text: str) -> None:
        zone_name = await asyncio.to_thread(zones.find_zone_name, text)
        if zone_name is None:
            raise UserFacingError(await _unknown_zone_text(text))
        await on_submit(interaction, zone_name)

    text_field = TextField(
        "line",
        _("City, country, or a name like Europe/Paris"),
        placeholder="Europe/Paris",
        max_length=_MAX_TIME_ZONE_LENGTH,
    )
    return modal_button(view, submit_time_zone, label or _("Change…"), text_field, title=_("Time zone"), **kwargs)


async def _unknown_zone_text(text: str) -> str:
    """Return the sentence that says that a text is no time zone (with a digit: a fixed offset), and what to enter."""
    escaped_text = discord_text.to_markdown_line(text, _MAX_TIME_ZONE_LENGTH)
    if any(character.isdecimal() for character in text):
        return _("“{text}” ignores daylight saving time. Enter a city or a country, such as Paris or Belgium.").format(
            text=escaped_text
        )
    if zone_names := await asyncio.to_thread(zones.suggest_zone_names, text):
        suggestions = ", ".join(f"`{zone_name}`" for zone_name in zone_names)
        return _("I don’t know the time zone “{text}”. Did you mean {names}?").format(
            text=escaped_text, names=suggestions
        )
    return _(
        "I don’t know the time zone “{text}”. Enter the nearest big city in your time zone, such as Paris."
    ).format(text=escaped_text)


def language_menu(
    set_language: Callable[[str | None], Awaitable[None]], selected_language: str | None, unset_label: str
) -> StringMenu:
    """Return a menu of languages for posts.

    `unset_label` is the label of the option for no language.
    """

    async def select_language(_interaction: Interaction, selected_values: list[str]) -> None:
        await set_language(i18n.supported_language(selected_values[0]))

    menu_options = build_setting_options(
        selected_language, i18n.LANGUAGES, lambda language: get_language_name(language).capitalize(), unset_label
    )
    return StringMenu(select_language, placeholder=_("Post language…"), options=menu_options)
