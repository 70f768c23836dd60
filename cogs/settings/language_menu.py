"""The menu of the language of posts, of a server or of a channel."""

from __future__ import annotations

from typing import Protocol

from bot.core import locale
from bot.core.choices import Preference
from bot.core.locale import _
from cogs.settings.change_history import language_name
from cogs.shared.panels import options
from cogs.shared.views import Choose, Interaction


class LanguagePanel(Protocol):
    """A panel with a language among its settings."""

    async def change(self, interaction: Interaction, preference: Preference, value: str | int | None) -> None:
        """Set a preference of what the panel is about."""

    async def show(self, interaction: Interaction) -> None:
        """Show the settings as they are."""


def languages(panel: LanguagePanel, chosen: str | None, otherwise: str) -> Choose:
    """A menu of the languages of posts; `otherwise` is what holds where none is chosen."""

    async def speak(interaction: Interaction, values: list[str]) -> None:
        await panel.change(interaction, Preference.LANGUAGE, locale.supported(values[0]))
        await panel.show(interaction)

    shown = options(chosen, locale.LANGUAGES, lambda each: language_name(each).capitalize(), otherwise)
    return Choose(speak, placeholder=_("Post language…"), options=shown)
