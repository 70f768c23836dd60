"""What a channel takes, and when: /settings schedule and /settings stories, and both in words."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import NamedTuple

from bot.core import hours
from bot.core.choices import ChannelPreferences, Preference
from bot.core.locale import N_, _, amount, clickable, counted
from bot.core.refusals import Refusal
from bot.posting.rendering.layout import blocks
from bot.posting.rendering.layout.blocks import Row, Rule, Section
from bot.posting.wording.problem_sentences import describe
from bot.text import safe
from bot.text.words import fold
from cogs.shared.panels import ChannelPanel, headed, number, options, setting
from cogs.shared.views import Choose, Interaction, Press

_MINUTE = 60


class Bound(NamedTuple):
    """A number that may be chosen for a channel: its name, the choices, one in words, and none."""

    name: str
    values: tuple[int, ...]
    told: Callable[[int], str]
    none: str

    def say(self, value: int | None) -> str:
        """A value in the middle of a sentence, in the language of this task."""
        return _(self.none) if value is None else self.told(value)


def _duration(seconds: int) -> str:
    if seconds < _MINUTE:
        return counted("{count} second", "{count} seconds", seconds)
    return counted("{count} minute", "{count} minutes", seconds // _MINUTE)


BOUNDS: Mapping[str, Bound] = {
    Preference.MOST_AN_HOUR: Bound(
        N_("Hourly limit"),
        (1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30),
        lambda n: counted("{count} post an hour", "{count} posts an hour", n),
        N_("no limit"),
    ),
    Preference.GAP: Bound(
        N_("Time between posts"),
        (10, 30, 60, 120, 300, 600, 900, 1800, 3600),  # seconds
        _duration,
        N_("no minimum"),
    ),
    Preference.LEAST_OUTLETS: Bound(
        N_("Outlets"),
        (2, 3, 4, 5, 6, 8, 10),
        lambda n: counted("at least {count} outlet", "at least {count} outlets", n),
        N_("every story"),
    ),
    Preference.BEST_A_DAY: Bound(
        N_("Best of the day"),
        (1, 2, 3, 4, 5, 6, 8, 10, 15, 20),
        lambda n: counted("at most {count} story a day", "at most {count} stories a day", n),
        N_("no limit"),
    ),
}
"""Of a channel, by the preference that keeps each."""


class _BoundsPanel(ChannelPanel):
    """A panel with menus of such numbers, made anew after each change."""

    def menu(self, preference: Preference, now: ChannelPreferences) -> tuple[Section, Row]:
        """The name of one of them, and its menu."""
        bound = BOUNDS[preference]
        shown = options(getattr(now, preference), bound.values, bound.told, _(bound.none))
        for one in shown:
            one.label = one.label[:1].upper() + one.label[1:]
        menu = Choose(partial(self._choose, preference), placeholder=f"{_(bound.name)}…", options=shown)
        return setting(_(bound.name)), Row(menu)

    async def _choose(self, preference: Preference, _interaction: Interaction, values: list[str]) -> None:
        await self.change(preference, number(values))
        self.client.courier.wake()


_OF_TIME = (Preference.QUIET_HOURS, Preference.MOST_AN_HOUR, Preference.GAP)


class RhythmPanel(_BoundsPanel):
    """A channel's quiet hours, how many posts it takes in an hour, and the gap between two.

    Quiet hours are saved once both of their ends were chosen.
    """

    _ends: tuple[int | None, int | None] = (None, None)
    """The end that was chosen of quiet hours that aren't saved yet, in minutes of the day."""

    async def show(self, interaction: Interaction) -> None:
        store = self.store
        now = await store.preferences.of_channel(self.channel.id)
        zone = (await store.preferences.of_server(self.channel.guild.id)).time_zone
        held = await store.dispatches.held(self.channel.id)
        begin, end = self._ends if now.quiet_hours is None else hours.quiet_minutes(now.quiet_hours)
        quiet = _quiet_hours(begin, end, zone)
        waits = ""
        if held is not None:
            waits = _("Right now: {reason}").format(reason=describe(held))
        elif now.quiet_hours is not None:
            waits = clickable(_("Change the time zone with /settings server."))
        rule = _(
            "During quiet hours, posts, alerts and watches wait, but digests don’t. Past the hourly "
            "limit, the rest arrives in one message. Nothing is lost."
        )
        is_off = all(getattr(now, each) is None for each in _OF_TIME)
        stop = Press(self._turn_off, label=_("Turn everything off"), disabled=is_off)
        await self.display_card(
            interaction,
            headed(_("Posting schedule"), self.channel.mention, f"-# {rule}"),
            setting(_("Quiet hours"), "\n".join(filter(None, (quiet, waits)))),
            self._clocks(0, begin, _("Quiet from…"), _("Quiet from {time}")),
            self._clocks(1, end, _("Quiet until…"), _("Quiet until {time}")),
            *self.menu(Preference.MOST_AN_HOUR, now),
            *self.menu(Preference.GAP, now),
            Row(stop),
        )

    def _clocks(self, which: int, chosen: int | None, placeholder: str, label: str) -> Row:
        """A menu of every hour of the day, after the choice of none, which leaves it with what it is for."""
        times = range(0, hours.MINUTES, _MINUTE)
        shown = options(chosen, times, lambda time: label.format(time=hours.clock(time)), _("No quiet hours"))
        shown[0].default = False
        return Row(Choose(partial(self._quiet, which), placeholder=placeholder, options=shown))

    async def _turn_off(self, _interaction: Interaction) -> None:
        self._ends = (None, None)
        for preference in _OF_TIME:
            await self.change(preference, None)
        self.client.courier.wake()

    async def _quiet(self, which: int, _interaction: Interaction, values: list[str]) -> None:
        """Choose one end of the quiet hours, and save them where the other is known. Raises `Refusal`."""
        saved = (await self.store.preferences.of_channel(self.channel.id)).quiet_hours
        chosen = number(values)
        begin, end = self._ends if saved is None else hours.quiet_minutes(saved)
        begin, end = (chosen, end) if which == 0 else (begin, chosen)
        if chosen is not None and begin == end:
            raise Refusal(_("Quiet hours can’t begin and end at the same time."))
        self._ends = (None, None)
        if begin is not None and end is not None:
            await self.change(Preference.QUIET_HOURS, hours.quiet(begin, end))
        elif chosen is not None:
            self._ends = (begin, end)
        elif saved is not None:
            await self.change(Preference.QUIET_HOURS, None)
        self.client.courier.wake()


def _quiet_hours(begin: int | None, end: int | None, zone: str) -> str:
    """Quiet hours in words, or that one of their ends is still to be chosen."""
    if begin is not None and end is not None:
        return _("{begin} to {end} ({zone})").format(
            begin=hours.clock(begin), end=hours.clock(end), zone=zone
        )
    if begin is not None:
        return _("Quiet from {time}. Choose an end time to save.").format(time=hours.clock(begin))
    if end is not None:
        return _("Quiet until {time}. Choose a start time to save.").format(time=hours.clock(end))
    return _("No quiet hours")


class StoryPanel(_BoundsPanel):
    """Which stories a channel takes, by how many outlets tell them and how many a day."""

    async def show(self, interaction: Interaction) -> None:
        store = self.store
        now = await store.preferences.of_channel(self.channel.id)
        zone = (await store.preferences.of_server(self.channel.guild.id)).time_zone
        held = await store.held_posts.count(self.channel.id)
        pairs = await store.subscriptions.in_server(self.channel.guild.id)
        followed = len({fold(feed.outlet) for one, feed in pairs if one.channel_id == self.channel.id})
        lines = self._lines(now, zone, followed=followed, held=held)
        spaced = [each for line in lines for each in (blocks.text(line), Rule())]
        _name, outlets = self.menu(Preference.LEAST_OUTLETS, now)
        _name, best = self.menu(Preference.BEST_A_DAY, now)
        await self.display_card(interaction, *spaced, outlets, best)

    def _lines(self, now: ChannelPreferences, zone: str, *, followed: int, held: int) -> Iterator[str]:
        heading = _("Stories in {channel}").format(channel=self.channel.mention)
        rule = _(
            "A story waits up to three days for enough outlets to report it. The best of the day are "
            "posted one at a time between {begin} and {end} ({zone})."
        ).format(begin=hours.clock(hours.FIRST), end=hours.clock(hours.LAST), zone=zone)
        yield f"### {heading}\n{rule}"
        chosen = ((each, getattr(now, each)) for each in (Preference.LEAST_OUTLETS, Preference.BEST_A_DAY))
        yield "\n".join(f"**{_(BOUNDS[each].name)}** · {BOUNDS[each].say(value)}" for each, value in chosen)
        if now.least_outlets is not None and followed < now.least_outlets:
            yield "🟠 " + counted(
                "This channel follows {count} outlet, so no story can reach {least}.",
                "This channel follows {count} outlets, so no story can reach {least}.",
                followed,
                least=amount(now.least_outlets),
            )
        if held:
            yield "-# " + counted("{count} story is waiting.", "{count} stories are waiting.", held)


def night(written: str) -> str:
    """Quiet hours as they are kept, in words; as they stand where they are none."""
    try:
        return "\u202f–\u202f".join(map(hours.clock, hours.quiet_minutes(written)))
    except ValueError:
        return safe.line(written)


def rules(now: ChannelPreferences) -> str:
    """Which stories a channel takes, in a line; "" for all."""
    chosen = ((each, getattr(now, each)) for each in (Preference.LEAST_OUTLETS, Preference.BEST_A_DAY))
    told = ", ".join(BOUNDS[each].told(value) for each, value in chosen if value)
    return _("Stories: {rules}").format(rules=told) if told else ""
