"""The panels of /settings schedule and /settings stories, and their settings as text."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import NamedTuple

from bot.core import local_time
from bot.core.i18n import N_, _, format_count, format_number, linkify_commands
from bot.core.preferences import ChannelPreferences, Preference
from bot.core.user_errors import UserFacingError
from bot.posting.rendering.layout import blocks
from bot.posting.rendering.layout.blocks import ActionRow, Section, Separator
from bot.posting.wording.problem_sentences import describe_problem
from bot.text import discord_text
from bot.text.words import fold
from cogs.shared.panels import ChannelPanel, heading_text, select_options, selected_number, setting_section
from cogs.shared.views import ActionButton, Interaction, StringMenu

_SECONDS_PER_MINUTE = 60


class LimitOption(NamedTuple):
    """A number that can be set for a channel: its choices and how to format them."""

    name: str
    values: tuple[int, ...]
    format_value: Callable[[int], str]
    unset_label: str

    def format(self, value: int | None) -> str:
        """Format a value, or None for no limit, within a sentence in the current language."""
        return _(self.unset_label) if value is None else self.format_value(value)


def _duration(seconds: int) -> str:
    if seconds < _SECONDS_PER_MINUTE:
        return format_count("{count} second", "{count} seconds", seconds)
    return format_count("{count} minute", "{count} minutes", seconds // _SECONDS_PER_MINUTE)


LIMIT_OPTIONS: Mapping[str, LimitOption] = {
    Preference.MAX_POSTS_PER_HOUR: LimitOption(
        N_("Hourly limit"),
        (1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30),
        lambda n: format_count("{count} post an hour", "{count} posts an hour", n),
        N_("no limit"),
    ),
    Preference.MIN_POST_INTERVAL: LimitOption(
        N_("Time between posts"),
        (10, 30, 60, 120, 300, 600, 900, 1800, 3600),  # Seconds.
        _duration,
        N_("no minimum"),
    ),
    Preference.MIN_OUTLETS: LimitOption(
        N_("Outlets"),
        (2, 3, 4, 5, 6, 8, 10),
        lambda n: format_count("at least {count} outlet", "at least {count} outlets", n),
        N_("every story"),
    ),
    Preference.TOP_STORIES_PER_DAY: LimitOption(
        N_("Best of the day"),
        (1, 2, 3, 4, 5, 6, 8, 10, 15, 20),
        lambda n: format_count("at most {count} story a day", "at most {count} stories a day", n),
        N_("no limit"),
    ),
}
"""Numeric settings of a channel by preference."""


class _LimitsPanel(ChannelPanel):
    """A panel with menus for numeric settings."""

    def menu(self, preference: Preference, now: ChannelPreferences) -> tuple[Section, ActionRow]:
        """Return the section with the name of a setting, and its menu."""
        bound = LIMIT_OPTIONS[preference]
        shown = select_options(
            getattr(now, preference), bound.values, bound.format_value, _(bound.unset_label)
        )
        for one in shown:
            one.label = one.label[:1].upper() + one.label[1:]
        menu = StringMenu(partial(self._choose, preference), placeholder=f"{_(bound.name)}…", options=shown)
        return setting_section(_(bound.name)), ActionRow(menu)

    async def _choose(self, preference: Preference, _interaction: Interaction, values: list[str]) -> None:
        await self.change(preference, selected_number(values))
        self.client.courier.wake()


_SCHEDULE_PREFERENCES = (Preference.QUIET_HOURS, Preference.MAX_POSTS_PER_HOUR, Preference.MIN_POST_INTERVAL)


class SchedulePanel(_LimitsPanel):
    """A channel's quiet hours, hourly limit and minimum interval between posts.

    Quiet hours are saved once both ends are chosen.
    """

    _ends: tuple[int | None, int | None] = (None, None)
    """Start and end of unsaved quiet hours, in minutes of the day; None if not chosen yet."""

    async def render(self, interaction: Interaction) -> None:
        store = self.store
        now = await store.preferences.of_channel(self.channel.id)
        zone = (await store.preferences.of_server(self.channel.guild.id)).time_zone
        held = await store.dispatches.wait_reason(self.channel.id)
        begin, end = self._ends if now.quiet_hours is None else local_time.parse_quiet_hours(now.quiet_hours)
        quiet = _quiet_hours(begin, end, zone)
        waits = ""
        if held is not None:
            waits = _("Right now: {reason}").format(reason=describe_problem(held))
        elif now.quiet_hours is not None:
            waits = linkify_commands(_("Change the time zone with /settings server."))
        rule = _(
            "During quiet hours, posts, alerts and watches wait, but digests don’t. Past the hourly "
            "limit, the rest arrives in one message. Nothing is lost."
        )
        is_off = all(getattr(now, each) is None for each in _SCHEDULE_PREFERENCES)
        stop = ActionButton(self._turn_off, label=_("Turn everything off"), disabled=is_off)
        await self.display_card(
            interaction,
            heading_text(_("Posting schedule"), self.channel.mention, f"-# {rule}"),
            setting_section(_("Quiet hours"), "\n".join(filter(None, (quiet, waits)))),
            self._hour_menu(0, begin, _("Quiet from…"), _("Quiet from {time}")),
            self._hour_menu(1, end, _("Quiet until…"), _("Quiet until {time}")),
            *self.menu(Preference.MAX_POSTS_PER_HOUR, now),
            *self.menu(Preference.MIN_POST_INTERVAL, now),
            ActionRow(stop),
        )

    def _hour_menu(self, which: int, chosen: int | None, placeholder: str, label: str) -> ActionRow:
        """Return a menu of the hours of the day, after an option for none.

        `end_index` is 0 for the start of the quiet hours and 1 for the end.
        """
        times = range(0, local_time.MINUTES_PER_DAY, _SECONDS_PER_MINUTE)
        shown = select_options(
            chosen, times, lambda time: label.format(time=local_time.format_clock(time)), _("No quiet hours")
        )
        shown[0].default = False
        return ActionRow(
            StringMenu(partial(self._set_quiet_hours, which), placeholder=placeholder, options=shown)
        )

    async def _turn_off(self, _interaction: Interaction) -> None:
        self._ends = (None, None)
        for preference in _SCHEDULE_PREFERENCES:
            await self.change(preference, None)
        self.client.courier.wake()

    async def _set_quiet_hours(self, which: int, _interaction: Interaction, values: list[str]) -> None:
        """Set one end of the quiet hours, and save them if the other end is known.

        Raises `UserFacingError` if both ends are equal.
        """
        saved = (await self.store.preferences.of_channel(self.channel.id)).quiet_hours
        chosen = selected_number(values)
        begin, end = self._ends if saved is None else local_time.parse_quiet_hours(saved)
        begin, end = (chosen, end) if which == 0 else (begin, chosen)
        if chosen is not None and begin == end:
            raise UserFacingError(_("Quiet hours can’t begin and end at the same time."))
        self._ends = (None, None)
        if begin is not None and end is not None:
            await self.change(Preference.QUIET_HOURS, local_time.format_quiet_hours(begin, end))
        elif chosen is not None:
            self._ends = (begin, end)
        elif saved is not None:
            await self.change(Preference.QUIET_HOURS, None)
        self.client.courier.wake()


def _quiet_hours(begin: int | None, end: int | None, zone: str) -> str:
    """Return quiet hours as text, or which end is still to be chosen."""
    if begin is not None and end is not None:
        return _("{begin} to {end} ({zone})").format(
            begin=local_time.format_clock(begin), end=local_time.format_clock(end), zone=zone
        )
    if begin is not None:
        return _("Quiet from {time}. Choose an end time to save.").format(time=local_time.format_clock(begin))
    if end is not None:
        return _("Quiet until {time}. Choose a start time to save.").format(time=local_time.format_clock(end))
    return _("No quiet hours")


class StoryLimitsPanel(_LimitsPanel):
    """Limits on stories: the minimum number of outlets and the maximum per day."""

    async def render(self, interaction: Interaction) -> None:
        store = self.store
        now = await store.preferences.of_channel(self.channel.id)
        zone = (await store.preferences.of_server(self.channel.guild.id)).time_zone
        held = await store.held_posts.count(self.channel.id)
        pairs = await store.subscriptions.list_with_feeds(self.channel.guild.id)
        followed = len({fold(feed.outlet) for one, feed in pairs if one.channel_id == self.channel.id})
        lines = self._lines(now, zone, followed=followed, held=held)
        spaced = [each for line in lines for each in (blocks.text(line), Separator())]
        _name, outlets = self.menu(Preference.MIN_OUTLETS, now)
        _name, best = self.menu(Preference.TOP_STORIES_PER_DAY, now)
        await self.display_card(interaction, *spaced, outlets, best)

    def _lines(self, now: ChannelPreferences, zone: str, *, followed: int, held: int) -> Iterator[str]:
        heading = _("Stories in {channel}").format(channel=self.channel.mention)
        rule = _(
            "A story waits up to three days for enough outlets to report it. The best of the day are "
            "posted one at a time between {begin} and {end} ({zone})."
        ).format(
            begin=local_time.format_clock(local_time.FIRST),
            end=local_time.format_clock(local_time.LAST),
            zone=zone,
        )
        yield f"### {heading}\n{rule}"
        chosen = (
            (each, getattr(now, each)) for each in (Preference.MIN_OUTLETS, Preference.TOP_STORIES_PER_DAY)
        )
        yield "\n".join(
            f"**{_(LIMIT_OPTIONS[each].name)}** · {LIMIT_OPTIONS[each].format(value)}"
            for each, value in chosen
        )
        if now.least_outlets is not None and followed < now.least_outlets:
            yield "🟠 " + format_count(
                "This channel follows {count} outlet, so no story can reach {least}.",
                "This channel follows {count} outlets, so no story can reach {least}.",
                followed,
                least=format_number(now.least_outlets),
            )
        if held:
            yield "-# " + format_count("{count} story is waiting.", "{count} stories are waiting.", held)


def quiet_hours_text(written: str) -> str:
    """Return stored quiet hours as text; an invalid value is returned escaped."""
    try:
        return "\u202f–\u202f".join(map(local_time.format_clock, local_time.parse_quiet_hours(written)))
    except ValueError:
        return discord_text.to_markdown_line(written)


def story_rules_text(now: ChannelPreferences) -> str:
    """Return the story limits of a channel as one line, or "" without any."""
    chosen = ((each, getattr(now, each)) for each in (Preference.MIN_OUTLETS, Preference.TOP_STORIES_PER_DAY))
    told = ", ".join(LIMIT_OPTIONS[each].format_value(value) for each, value in chosen if value)
    return _("Stories: {rules}").format(rules=told) if told else ""
