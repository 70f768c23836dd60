"""Words of channel settings: their names, and their values as people read them in panels and in the history."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.core import local_time, setting_registry
from bot.core.i18n import N_, _, format_count
from bot.core.setting_registry import ChannelSetting
from bot.text import discord_text

_SECONDS_PER_MINUTE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingWords:
    """Words of a channel setting: its name, a function that formats its value, and the text if it is unset."""

    name: str
    format_value: Callable[[Any], str]
    unset_text: str = N_("none")

    def describe(self, value: object) -> str:
        """Return a value as text within a sentence, in the current language; None means an unset setting."""
        return _(self.unset_text) if value is None else self.format_value(value)


def _on_off_text(is_on: bool) -> str:  # noqa: FBT001
    return _("on") if is_on else _("off")


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchWords(SettingWords):
    """Words of a channel setting that is on or off, with a line of the panel for each state."""

    off_line: str
    on_line: str
    format_value: Callable[[Any], str] = field(default=_on_off_text)
    unset_text: str = N_("off")


def get_language_name(language_code: str) -> str:
    """Return the name of a language in the current language, for use within a sentence; an unknown code as it is."""
    return {"en": _("English"), "fr": _("French")}.get(language_code, language_code)


def format_duration(seconds: int) -> str:
    """Return a duration in the current language, in seconds below a minute, else in whole minutes, rounded down."""
    if seconds < _SECONDS_PER_MINUTE:
        return format_count("{count} second", "{count} seconds", seconds)
    return format_count("{count} minute", "{count} minutes", seconds // _SECONDS_PER_MINUTE)


def _format_quiet_hours(stored_hours: str) -> str:
    """Return stored quiet hours as text; an invalid value is returned unchanged, with markup escaped."""
    try:
        return "\u202f–\u202f".join(map(local_time.format_clock, local_time.parse_quiet_hours(stored_hours)))
    except ValueError:
        return discord_text.to_markdown_line(stored_hours)


SETTING_WORDS: Mapping[ChannelSetting[Any], SettingWords] = {
    setting_registry.LANGUAGE: SettingWords(
        name=N_("Post language"), format_value=get_language_name, unset_text=N_("same as the server")
    ),
    setting_registry.JOIN_STORIES: SwitchWords(
        name=N_("Group by story"),
        off_line=N_("off: each article gets its own post"),
        on_line=N_("on: articles on the same event share one post"),
    ),
    setting_registry.TRANSLATE: SwitchWords(
        name=N_("Machine translation"),
        off_line=N_("off: posts stay in their own language"),
        on_line=N_("on: titles and excerpts in the post language, the original under More"),
    ),
    setting_registry.DAILY_THREAD: SwitchWords(
        name=N_("Daily thread"),
        off_line=N_("off: posts go straight into the channel"),
        on_line=N_("on: each day has its own thread"),
    ),
    setting_registry.POST_AS_OUTLET: SwitchWords(
        name=N_("Post as the outlet"),
        off_line=N_("off: posts show my name"),
        on_line=N_("on: posts show their outlet’s name and icon"),
    ),
    setting_registry.SILENT_POSTS: SwitchWords(
        name=N_("Silent posts"),
        off_line=N_("off: posts notify people as they’ve chosen in Discord"),
        on_line=N_("on: only posts that mention a role notify people"),
    ),
    setting_registry.QUIET_HOURS: SettingWords(name=N_("Quiet hours"), format_value=_format_quiet_hours),
    setting_registry.MAX_POSTS_PER_HOUR: SettingWords(
        name=N_("Hourly limit"),
        format_value=lambda count: format_count("{count} post an hour", "{count} posts an hour", count),
        unset_text=N_("no limit"),
    ),
    setting_registry.MIN_POST_INTERVAL: SettingWords(
        name=N_("Time between posts"), format_value=format_duration, unset_text=N_("no minimum")
    ),
    setting_registry.MIN_OUTLETS: SettingWords(
        name=N_("Outlets"),
        format_value=lambda count: format_count("at least {count} outlet", "at least {count} outlets", count),
        unset_text=N_("every story"),
    ),
    setting_registry.TOP_STORIES_PER_DAY: SettingWords(
        name=N_("Best of the day"),
        format_value=lambda count: format_count("at most {count} story a day", "at most {count} stories a day", count),
        unset_text=N_("no limit"),
    ),
}
"""Names and descriptions of the settings of a channel, as people see them."""
