"""The rhythm of a channel: its quiet hours, how many posts it takes in an hour, and the gap between two."""

from __future__ import annotations

from collections.abc import Callable

import discord

from bot.core import hours
from bot.core.choices import ChannelPreferences, Preference
from bot.core.locale import _, amount, clickable, ngettext
from bot.posting.rendering.layout import outlets
from bot.posting.rendering.layout.blocks import Card, Row
from bot.posting.sending import send_outcomes
from cogs.shared.panels import headed, setting
from cogs.shared.place_options import Place, require_view
from cogs.shared.rights import ManagersLayout
from cogs.shared.views import Choose, Interaction, Press

_NONE = "-"
_FIRST_NIGHT = (22 * 60, 7 * 60)  # what the other end of quiet hours is until it is chosen
_HOURLY = (1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30)
_GAPS = (10, 30, 60, 120, 300, 600, 900, 1800, 3600)  # seconds
_MINUTE = 60


class RhythmPanel(ManagersLayout):
    """One message with a channel's rhythm and the menus to change it, made anew after each change."""

    def __init__(self, interaction: Interaction, target: Place) -> None:
        super().__init__(interaction)
        self._place = target
        self._now = ChannelPreferences()

    async def check(self, interaction: Interaction) -> None:
        """Only who may still manage feeds and still sees the channel."""
        await super().check(interaction)
        await require_view(interaction, self._place.id)

    async def show(self, interaction: Interaction) -> None:
        """Show the schedule as it is, in the reply to an interaction that was acknowledged."""
        store = interaction.client.store
        self._now = now = await store.preferences.of_channel(self._place.id)
        zone = (await store.preferences.of_server(self._place.guild.id)).time_zone
        held = await store.dispatches.held(self._place.id)
        begin, end = self._ends()
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
        no_quiet = _("No quiet hours")
        off = now.quiet_hours is None and now.most_an_hour is None and now.gap is None
        blocks = (
            headed(
                _("Posting schedule"),
                self._place.mention,
                "-# "
                + _(
                    "In quiet hours posts, alerts and watches wait; digests don’t. Beyond the hourly limit, "
                    "the rest comes in one message. Nothing is lost."
                ),
            ),
            setting(_("Quiet hours"), "\n".join(filter(None, (quiet, waits)))),
            Row(
                Choose(
                    self._begin,
                    placeholder=_("Quiet from…"),
                    options=_clocks(begin, _("Quiet from {time}"), no_quiet),
                )
            ),
            Row(
                Choose(
                    self._end,
                    placeholder=_("Quiet until…"),
                    options=_clocks(end, _("Quiet until {time}"), no_quiet),
                )
            ),
            setting(_("Hourly limit")),
            Row(
                Choose(
                    self._limit,
                    placeholder=_("Hourly limit…"),
                    options=_options(now.most_an_hour, _HOURLY, _hourly, _("No limit")),
                )
            ),
            setting(_("Time between posts")),
            Row(
                Choose(
                    self._space,
                    placeholder=_("Time between posts…"),
                    options=_options(now.gap, _GAPS, _gap, _("No minimum")),
                )
            ),
            Row(Press(self._stop, label=_("Turn everything off"), disabled=off)),
        )
        await self.display(interaction, (Card(blocks, outlets.COLOUR),))

    def _ends(self) -> tuple[int | None, int | None]:
        text = self._now.quiet_hours
        return (None, None) if text is None else hours.quiet_minutes(text)

    async def _begin(self, interaction: Interaction, values: list[str]) -> None:
        await self._quiet(interaction, values[0], 0)

    async def _end(self, interaction: Interaction, values: list[str]) -> None:
        await self._quiet(interaction, values[0], 1)

    async def _quiet(self, interaction: Interaction, value: str, which: int) -> None:
        """Set one end of the quiet hours; the other keeps its time, or moves where both would be the same."""
        await interaction.response.defer()
        now = await interaction.client.store.preferences.of_channel(self._place.id)
        text = None
        if value != _NONE:
            ends = list(_FIRST_NIGHT if now.quiet_hours is None else hours.quiet_minutes(now.quiet_hours))
            ends[which] = int(value)
            if ends[0] == ends[1]:
                ends[1 - which] = (ends[which] + (9 if which == 0 else 15) * _MINUTE) % hours.MINUTES
            text = hours.quiet(*ends)
        await self._change(interaction, {Preference.QUIET_HOURS: text})

    async def _limit(self, interaction: Interaction, values: list[str]) -> None:
        await interaction.response.defer()
        await self._change(interaction, {Preference.MOST_AN_HOUR: _number(values[0])})

    async def _space(self, interaction: Interaction, values: list[str]) -> None:
        await interaction.response.defer()
        await self._change(interaction, {Preference.GAP: _number(values[0])})

    async def _stop(self, interaction: Interaction) -> None:
        await interaction.response.defer()
        await self._change(
            interaction,
            {Preference.QUIET_HOURS: None, Preference.MOST_AN_HOUR: None, Preference.GAP: None},
        )

    async def _change(self, interaction: Interaction, changes: dict[Preference, str | int | None]) -> None:
        for preference, value in changes.items():
            await interaction.client.store.preferences.change(
                preference,
                value,
                server_id=self._place.guild.id,
                person_id=interaction.user.id,
                channel_id=self._place.id,
            )
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


def _clocks(chosen: int | None, label: str, otherwise: str) -> list[discord.SelectOption]:
    """Every hour of the day, after the choice of none, which leaves the menu with what it is for."""
    times = range(0, hours.MINUTES, _MINUTE)
    return [
        discord.SelectOption(label=otherwise, value=_NONE),
        *(
            discord.SelectOption(
                label=label.format(time=hours.clock(each)), value=str(each), default=chosen == each
            )
            for each in times
        ),
    ]


def _options(
    chosen: int | None, numbers: tuple[int, ...], label: Callable[[int], str], otherwise: str
) -> list[discord.SelectOption]:
    return [
        discord.SelectOption(label=otherwise, value=_NONE, default=chosen is None),
        *(
            discord.SelectOption(label=label(each), value=str(each), default=chosen == each)
            for each in numbers
        ),
    ]


def _number(value: str) -> int | None:
    return None if value == _NONE else int(value)


def _hourly(count: int) -> str:
    return ngettext("{count} post an hour", "{count} posts an hour", count).format(count=amount(count))


def _gap(seconds: int) -> str:
    if seconds < _MINUTE:
        return ngettext("{count} second", "{count} seconds", seconds).format(count=amount(seconds))
    minutes = seconds // _MINUTE
    return ngettext("{count} minute", "{count} minutes", minutes).format(count=amount(minutes))
