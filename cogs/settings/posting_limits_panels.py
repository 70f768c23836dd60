"""Panels of /settings schedule and /settings stories, and the text of the settings in them."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import NamedTuple

from bot.core import local_time
from bot.core.i18n import N_, _, format_count, format_number, linkify_commands
from bot.core.preferences import ChannelPreferences, Preference
from bot.core.user_errors import UserFacingError
from bot.posting.rendering.layout import blocks
from bot.posting.rendering.layout.blocks import ActionRow, Section, Separator
from bot.posting.wording.reason_sentences import describe_reason
from bot.text import discord_text
from bot.text.words import fold
from cogs.shared.panels import ChannelPanel, heading_text, select_options, selected_number, setting_section
from cogs.shared.views import ActionButton, Interaction, StringMenu

_SECONDS_PER_MINUTE = 60


class LimitOption(NamedTuple):
    """Numeric setting of a channel: the values to choose from, and how to format them."""

    name: str
    choices: tuple[int, ...]
    format_value: Callable[[int], str]
    unset_label: str

    def format(self, choice: int | None) -> str:
        """Return a value as text within a sentence in the current language; None means no limit."""
        return _(self.unset_label) if choice is None else self.format_value(choice)


def _duration_text(seconds: int) -> str:
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
        _duration_text,
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
"""Numeric settings of a channel, by the preference in which the value is stored."""


def _limit_menu(
    panel: ChannelPanel, preference: Preference, preferences: ChannelPreferences
) -> tuple[Section, ActionRow]:
    """Return the section with the name of a numeric setting, and the menu of its values."""

    async def set_limit(_interaction: Interaction, selected_values: list[str]) -> None:
        await panel.change(preference, selected_number(selected_values))
        panel.client.outbox_relay.wake()

    limit_option = LIMIT_OPTIONS[preference]
    menu_options = select_options(
        getattr(preferences, preference),
        limit_option.choices,
        limit_option.format_value,
        _(limit_option.unset_label),
    )
    for option in menu_options:
        option.label = option.label[:1].upper() + option.label[1:]
    menu = StringMenu(set_limit, placeholder=f"{_(limit_option.name)}…", options=menu_options)
    return setting_section(_(limit_option.name)), ActionRow(menu)


_SCHEDULE_PREFERENCES = (Preference.QUIET_HOURS, Preference.MAX_POSTS_PER_HOUR, Preference.MIN_POST_INTERVAL)


class SchedulePanel(ChannelPanel):
    """Panel for a channel's quiet hours, hourly limit and minimum interval between posts.

    Quiet hours are saved once both their start and their end are chosen.
    """

    _unsaved_quiet_hours: tuple[int | None, int | None] = (None, None)
    """Start and end of quiet hours that are not saved yet, in minutes of the day; None if not chosen yet."""

    async def render(self, interaction: Interaction) -> None:
        store = self.store
        preferences = await store.preferences.by_channel(self.channel.id)
        zone = (await store.preferences.by_server(self.channel.guild.id)).time_zone
        wait_reason = await store.dispatches.get_wait_reason(self.channel.id)
        quiet_begin, quiet_end = (
            self._unsaved_quiet_hours
            if preferences.quiet_hours is None
            else local_time.parse_quiet_hours(preferences.quiet_hours)
        )
        quiet_hours_line = _quiet_hours_draft_text(quiet_begin, quiet_end, zone)
        note = ""
        if wait_reason is not None:
            note = _("Right now: {reason}").format(reason=describe_reason(wait_reason))
        elif preferences.quiet_hours is not None:
            note = linkify_commands(_("Change the time zone with /settings server."))
        explanation = _(
            "During quiet hours, posts, alerts and watches wait, but digests don’t. Past the hourly "
            "limit, the rest arrives in one message. Nothing is lost."
        )
        are_all_limits_off = all(getattr(preferences, preference) is None for preference in _SCHEDULE_PREFERENCES)
        turn_off_button = ActionButton(
            self._turn_off_limits, label=_("Turn everything off"), disabled=are_all_limits_off
        )
        await self.display_card(
            interaction,
            heading_text(_("Posting schedule"), self.channel.mention, f"-# {explanation}"),
            setting_section(_("Quiet hours"), "\n".join(filter(None, (quiet_hours_line, note)))),
            self._hour_menu(0, quiet_begin, _("Quiet from…"), _("Quiet from {time}")),
            self._hour_menu(1, quiet_end, _("Quiet until…"), _("Quiet until {time}")),
            *_limit_menu(self, Preference.MAX_POSTS_PER_HOUR, preferences),
            *_limit_menu(self, Preference.MIN_POST_INTERVAL, preferences),
            ActionRow(turn_off_button),
        )

    def _hour_menu(self, end_index: int, selected_minute: int | None, placeholder: str, label: str) -> ActionRow:
        """Return a menu of the hours of the day, which begins with an option for no quiet hours.

        `end_index` is 0 for the start of the quiet hours and 1 for the end.
        """
        minutes = range(0, local_time.MINUTES_PER_DAY, _SECONDS_PER_MINUTE)
        menu_options = select_options(
            selected_minute,
            minutes,
            lambda time: label.format(time=local_time.format_clock(time)),
            _("No quiet hours"),
        )
        menu_options[0].default = False
        return ActionRow(
            StringMenu(partial(self._set_quiet_hours, end_index), placeholder=placeholder, options=menu_options)
        )

    async def _turn_off_limits(self, _interaction: Interaction) -> None:
        self._unsaved_quiet_hours = (None, None)
        for preference in _SCHEDULE_PREFERENCES:
            await self.change(preference, None)
        self.client.outbox_relay.wake()

    async def _set_quiet_hours(self, end_index: int, _interaction: Interaction, selected_values: list[str]) -> None:
        """Set the start or end of the quiet hours, and save them if both are known.

        Raises `UserFacingError` if start and end are equal.
        """
        saved_hours = (await self.store.preferences.by_channel(self.channel.id)).quiet_hours
        selected_minute = selected_number(selected_values)
        quiet_begin, quiet_end = (
            self._unsaved_quiet_hours if saved_hours is None else local_time.parse_quiet_hours(saved_hours)
        )
        quiet_begin, quiet_end = (selected_minute, quiet_end) if end_index == 0 else (quiet_begin, selected_minute)
        if selected_minute is not None and quiet_begin == quiet_end:
            raise UserFacingError(_("Quiet hours can’t begin and end at the same time."))
        self._unsaved_quiet_hours = (None, None)
        if quiet_begin is not None and quiet_end is not None:
            await self.change(Preference.QUIET_HOURS, local_time.format_quiet_hours(quiet_begin, quiet_end))
        elif selected_minute is not None:
            self._unsaved_quiet_hours = (quiet_begin, quiet_end)
        elif saved_hours is not None:
            await self.change(Preference.QUIET_HOURS, None)
        self.client.outbox_relay.wake()


def _quiet_hours_draft_text(quiet_begin: int | None, quiet_end: int | None, zone: str) -> str:
    """Return the chosen quiet hours as text, or a hint whether the start or the end is still to be chosen."""
    if quiet_begin is not None and quiet_end is not None:
        return _("{begin} to {end} ({zone})").format(
            begin=local_time.format_clock(quiet_begin), end=local_time.format_clock(quiet_end), zone=zone
        )
    if quiet_begin is not None:
        return _("Quiet from {time}. Choose an end time to save.").format(time=local_time.format_clock(quiet_begin))
    if quiet_end is not None:
        return _("Quiet until {time}. Choose a start time to save.").format(time=local_time.format_clock(quiet_end))
    return _("No quiet hours")


class StoryLimitsPanel(ChannelPanel):
    """Panel for a channel's story limits: minimum number of outlets, and maximum number of stories a day."""

    async def render(self, interaction: Interaction) -> None:
        store = self.store
        preferences = await store.preferences.by_channel(self.channel.id)
        zone = (await store.preferences.by_server(self.channel.guild.id)).time_zone
        waiting_count = await store.held_posts.count(self.channel.id)
        followed_feeds = await store.subscriptions.list_with_feeds(self.channel.guild.id)
        followed_outlet_count = len(
            {fold(feed.outlet) for subscription, feed in followed_feeds if subscription.channel_id == self.channel.id}
        )
        lines = self._build_lines(preferences, zone, outlet_count=followed_outlet_count, held_count=waiting_count)
        spaced_blocks = [block for line in lines for block in (blocks.text_block(line), Separator())]
        _name, outlets_row = _limit_menu(self, Preference.MIN_OUTLETS, preferences)
        _name, best_row = _limit_menu(self, Preference.TOP_STORIES_PER_DAY, preferences)
        await self.display_card(interaction, *spaced_blocks, outlets_row, best_row)

    def _build_lines(
        self, preferences: ChannelPreferences, zone: str, *, outlet_count: int, held_count: int
    ) -> Iterator[str]:
        heading = _("Stories in {channel}").format(channel=self.channel.mention)
        explanation = _(
            "A story waits up to three days for enough outlets to report it. The best of the day are "
            "posted one at a time between {begin} and {end} ({zone})."
        ).format(
            begin=local_time.format_clock(local_time.WAKING_START_MINUTE),
            end=local_time.format_clock(local_time.WAKING_END_MINUTE),
            zone=zone,
        )
        yield f"### {heading}\n{explanation}"
        limit_values = (
            (story_preference, getattr(preferences, story_preference))
            for story_preference in (Preference.MIN_OUTLETS, Preference.TOP_STORIES_PER_DAY)
        )
        yield "\n".join(
            f"**{_(LIMIT_OPTIONS[preference].name)}** · {LIMIT_OPTIONS[preference].format(limit_value)}"
            for preference, limit_value in limit_values
        )
        if preferences.least_outlets is not None and outlet_count < preferences.least_outlets:
            yield "🟠 " + format_count(
                "This channel follows {count} outlet, so no story can reach {least}.",
                "This channel follows {count} outlets, so no story can reach {least}.",
                outlet_count,
                least=format_number(preferences.least_outlets),
            )
        if held_count:
            yield "-# " + format_count("{count} story is waiting.", "{count} stories are waiting.", held_count)


def quiet_hours_text(stored_hours: str) -> str:
    """Return stored quiet hours as text; an invalid value is returned unchanged, with markup escaped."""
    try:
        return "\u202f–\u202f".join(map(local_time.format_clock, local_time.parse_quiet_hours(stored_hours)))
    except ValueError:
        return discord_text.to_markdown_line(stored_hours)


def story_rules_text(preferences: ChannelPreferences) -> str:
    """Return the limits on the stories of a channel as one line, or "" if there are none."""
    limit_values = (
        (story_preference, getattr(preferences, story_preference))
        for story_preference in (Preference.MIN_OUTLETS, Preference.TOP_STORIES_PER_DAY)
    )
    rules_text = ", ".join(
        LIMIT_OPTIONS[preference].format_value(limit_value) for preference, limit_value in limit_values if limit_value
    )
    return _("Stories: {rules}").format(rules=rules_text) if rules_text else ""
