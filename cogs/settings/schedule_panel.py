"""The rhythm of a channel: its quiet hours, how many posts it takes in an hour, and the gap between two."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import discord

from bot.core import hours
from bot.core.choices import Preference
from bot.core.locale import _, clickable, counted
from bot.posting.rendering.layout.blocks import Row
from bot.posting.sending import send_outcomes
from cogs.shared.panels import ChannelPanel, headed, number, options, setting
from cogs.shared.views import Choose, Interaction, Press

_ALL = (Preference.QUIET_HOURS, Preference.MOST_AN_HOUR, Preference.GAP)
_FIRST_NIGHT = (22 * 60, 7 * 60)  # what the other end of quiet hours is until it is chosen
_HOURLY = (1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30)
_GAPS = (10, 30, 60, 120, 300, 600, 900, 1800, 3600)  # seconds
_MINUTE = 60


class RhythmPanel(ChannelPanel):
    """One message with a channel's rhythm and the menus to change it, made anew after each change."""

    async def show(self, interaction: Interaction) -> None:
        store = interaction.client.store
        now = await store.preferences.of_channel(self.channel.id)
        zone = (await store.preferences.of_server(self.channel.guild.id)).time_zone
        held = await store.dispatches.held(self.channel.id)
        begin, end = (None, None) if now.quiet_hours is None else hours.quiet_minutes(now.quiet_hours)
        quiet = _("No quiet hours")
        if now.quiet_hours is not None:
            quiet = _("{begin} to {end} ({zone})").format(
                begin=hours.clock(begin or 0), end=hours.clock(end or 0), zone=zone
            )
        waits = ""
        if held is not None:
            waits = _("Right now: {reason}").format(reason=send_outcomes.describe(held))
        elif now.quiet_hours is not None:
            waits = clickable(_("Change the time zone with /settings server."))
        off = now.quiet_hours is None and now.most_an_hour is None and now.gap is None
        blocks = (
            headed(
                _("Posting schedule"),
                self.channel.mention,
                "-# "
                + _(
                    "In quiet hours posts, alerts and watches wait; digests don’t. Beyond the hourly limit, "
                    "the rest comes in one message. Nothing is lost."
                ),
            ),
            setting(_("Quiet hours"), "\n".join(filter(None, (quiet, waits)))),
            Row(
                Choose(
                    partial(self._quiet, 0),
                    placeholder=_("Quiet from…"),
                    options=_clocks(begin, _("Quiet from {time}")),
                )
            ),
            Row(
                Choose(
                    partial(self._quiet, 1),
                    placeholder=_("Quiet until…"),
                    options=_clocks(end, _("Quiet until {time}")),
                )
            ),
            setting(_("Hourly limit")),
            Row(
                Choose(
                    partial(self._number, Preference.MOST_AN_HOUR),
                    placeholder=_("Hourly limit…"),
                    options=options(now.most_an_hour, _HOURLY, _hourly, _("No limit")),
                )
            ),
            setting(_("Time between posts")),
            Row(
                Choose(
                    partial(self._number, Preference.GAP),
                    placeholder=_("Time between posts…"),
                    options=options(now.gap, _GAPS, _gap, _("No minimum")),
                )
            ),
            Row(Press(self._stop, label=_("Turn everything off"), disabled=off)),
        )
        await self.display_card(interaction, *blocks)

    async def _quiet(self, which: int, interaction: Interaction, values: list[str]) -> None:
        """Set one end of the quiet hours; the other keeps its time, or moves where both would be the same."""
        now = await interaction.client.store.preferences.of_channel(self.channel.id)
        text, chosen = None, number(values)
        if chosen is not None:
            ends = list(_FIRST_NIGHT if now.quiet_hours is None else hours.quiet_minutes(now.quiet_hours))
            ends[which] = chosen
            if ends[0] == ends[1]:
                ends[1 - which] = (ends[which] + (9 if which == 0 else 15) * _MINUTE) % hours.MINUTES
            text = hours.quiet(*ends)
        await self._set(interaction, {Preference.QUIET_HOURS: text})

    async def _number(self, preference: Preference, interaction: Interaction, values: list[str]) -> None:
        await self._set(interaction, {preference: number(values)})

    async def _stop(self, interaction: Interaction) -> None:
        await self._set(interaction, dict.fromkeys(_ALL))

    async def _set(self, interaction: Interaction, changes: Mapping[Preference, str | int | None]) -> None:
        for preference, value in changes.items():
            await self.change(interaction, preference, value)
        interaction.client.courier.wake()
        await self.show(interaction)


def value(preference: str, written: str | None) -> str | None:
    """A value of the history of settings in words; None for one that is no rhythm."""
    match preference:
        case Preference.QUIET_HOURS:
            if written is None:
                return _("none")
            try:
                return "\u202f–\u202f".join(map(hours.clock, hours.quiet_minutes(written)))
            except ValueError:
                return None
        case Preference.MOST_AN_HOUR:
            return _("no limit") if written is None else _hourly(int(written))
        case Preference.GAP:
            return _("none") if written is None else _gap(int(written))
    return None


def _clocks(chosen: int | None, label: str) -> list[discord.SelectOption]:
    """Every hour of the day, after the choice of none, which leaves the menu with what it is for."""
    times = range(0, hours.MINUTES, _MINUTE)
    shown = options(chosen, times, lambda time: label.format(time=hours.clock(time)), _("No quiet hours"))
    shown[0].default = False
    return shown


def _hourly(count: int) -> str:
    return counted("{count} post an hour", "{count} posts an hour", count)


def _gap(seconds: int) -> str:
    if seconds < _MINUTE:
        return counted("{count} second", "{count} seconds", seconds)
    minutes = seconds // _MINUTE
    return counted("{count} minute", "{count} minutes", minutes)
