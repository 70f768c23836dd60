"""Panels of /settings schedule and /settings stories."""

from collections.abc import Iterator
from functools import partial

from bot.core import local_time, setting_registry
from bot.core.i18n import _, format_count, format_number, linkify_commands
from bot.core.setting_registry import MIN_OUTLETS, QUIET_HOURS, ChannelSettings, NumberSetting
from bot.core.user_errors import UserFacingError
from bot.posting.rendering.layout import blocks
from bot.posting.rendering.layout.blocks import ActionRow, Section, Separator
from bot.posting.wording.reason_sentences import describe_reason
from bot.posting.wording.setting_words import SETTING_WORDS
from bot.text.words import fold
from cogs.shared.panels import (
    ChannelPanel,
    build_setting_options,
    heading_block,
    parse_selected_number,
    setting_section,
)
from cogs.shared.views import ActionButton, Interaction, StringMenu
from cogs.watching.story_muting import build_mute_list

_SCHEDULE_LIMITS = (setting_registry.MAX_POSTS_PER_HOUR, setting_registry.MIN_POST_INTERVAL)
_STORY_LIMITS = (MIN_OUTLETS, setting_registry.TOP_STORIES_PER_DAY)
_MINUTES_PER_HOUR = 60


def _build_limit_blocks(
    panel: ChannelPanel, setting: NumberSetting, settings: ChannelSettings
) -> tuple[Section, ActionRow]:
    """Return two blocks: the section with the name of a numeric setting, and the menu of its values."""

    async def set_limit(_interaction: Interaction, selected_values: list[str]) -> None:
        await panel.change(setting, parse_selected_number(selected_values))

    words = SETTING_WORDS[setting]
    menu_options = build_setting_options(settings[setting], setting.choices, words.describe, words.describe(None))
    for option in menu_options:
        option.label = option.label[:1].upper() + option.label[1:]
    menu = StringMenu(set_limit, placeholder=f"{_(words.name)}…", options=menu_options)
    return setting_section(_(words.name)), ActionRow(menu)


class SchedulePanel(ChannelPanel):
    """Panel for a channel's quiet hours, hourly limit and minimum interval between posts.

    Quiet hours are saved once both their start and their end are chosen.
    """

    _unsaved_quiet_hours: tuple[int | None, int | None] = (None, None)
    """Start and end of quiet hours that are not saved yet, in minutes of the day; None if not chosen yet."""

    async def render(self, interaction: Interaction) -> None:
        store = self.store
        settings = await store.preferences.get_by_channel(self.channel.id)
        zone_name = (await store.preferences.get_by_server(self.channel.guild.id)).time_zone
        wait_reason = await store.dispatches.get_wait_reason(self.channel.id)
        quiet_begin_minute, quiet_end_minute = (
            self._unsaved_quiet_hours
            if settings[QUIET_HOURS] is None
            else local_time.parse_quiet_hours(settings[QUIET_HOURS])
        )
        quiet_hours_line = _quiet_hours_draft_text(quiet_begin_minute, quiet_end_minute, zone_name)
        note = ""
        if wait_reason is not None:
            note = _("Right now: {reason}").format(reason=describe_reason(wait_reason))
        elif settings[QUIET_HOURS] is not None:
            note = linkify_commands(_("Change the time zone with /settings server."))
        explanation = _(
            "During quiet hours, posts, alerts and watches wait, but digests don’t. Past the hourly "
            "limit, the rest arrives in one message. Nothing is lost."
        )
        has_limits = bool(settings[QUIET_HOURS] or any(settings[setting] for setting in _SCHEDULE_LIMITS))
        turn_off_button = ActionButton(self._turn_off_limits, label=_("Turn everything off"), disabled=not has_limits)
        await self.display_card(
            interaction,
            heading_block(_("Posting schedule"), self.channel.mention, f"-# {explanation}"),
            setting_section(_("Quiet hours"), "\n".join(filter(None, (quiet_hours_line, note)))),
            self._build_hour_menu(0, quiet_begin_minute, _("Quiet from…"), _("Quiet from {time}")),
            self._build_hour_menu(1, quiet_end_minute, _("Quiet until…"), _("Quiet until {time}")),
            *(block for setting in _SCHEDULE_LIMITS for block in _build_limit_blocks(self, setting, settings)),
            ActionRow(turn_off_button),
        )

    def _build_hour_menu(
        self, boundary_index: int, selected_minute: int | None, placeholder: str, label_template: str
    ) -> ActionRow:
        """Return a menu of the hours of the day, which begins with an option for no quiet hours.

        `boundary_index` is 0 for the start of the quiet hours and 1 for the end. `label_template` is the label of an
        hour, with a place for the time.
        """
        minutes = range(0, local_time.MINUTES_PER_DAY, _MINUTES_PER_HOUR)
        menu_options = build_setting_options(
            selected_minute,
            minutes,
            lambda minute: label_template.format(time=local_time.format_clock(minute)),
            _("No quiet hours"),
        )
        menu_options[0].default = False
        return ActionRow(
            StringMenu(partial(self._set_quiet_hours, boundary_index), placeholder=placeholder, options=menu_options)
        )

    async def _turn_off_limits(self, _interaction: Interaction) -> None:
        self._unsaved_quiet_hours = (None, None)
        await self.change(QUIET_HOURS, None)
        for setting in _SCHEDULE_LIMITS:
            await self.change(setting, None)

    async def _set_quiet_hours(
        self, boundary_index: int, _interaction: Interaction, selected_values: list[str]
    ) -> None:
        """Set the start or end of the quiet hours, and save them if both are known.

        The option for no quiet hours unsets them. Raises `UserFacingError` if start and end are equal.
        """
        saved_hours_text = (await self.store.preferences.get_by_channel(self.channel.id))[QUIET_HOURS]
        selected_minute = parse_selected_number(selected_values)
        quiet_begin_minute, quiet_end_minute = (
            self._unsaved_quiet_hours if saved_hours_text is None else local_time.parse_quiet_hours(saved_hours_text)
        )
        quiet_begin_minute, quiet_end_minute = (
            (selected_minute, quiet_end_minute) if boundary_index == 0 else (quiet_begin_minute, selected_minute)
        )
        if selected_minute is not None and quiet_begin_minute == quiet_end_minute:
            raise UserFacingError(_("Quiet hours can’t begin and end at the same time."))
        self._unsaved_quiet_hours = (None, None)
        if quiet_begin_minute is not None and quiet_end_minute is not None:
            await self.change(QUIET_HOURS, local_time.format_quiet_hours(quiet_begin_minute, quiet_end_minute))
        elif selected_minute is not None:
            self._unsaved_quiet_hours = (quiet_begin_minute, quiet_end_minute)
        elif saved_hours_text is not None:
            await self.change(QUIET_HOURS, None)


def _quiet_hours_draft_text(quiet_begin_minute: int | None, quiet_end_minute: int | None, zone_name: str) -> str:
    """Return the chosen quiet hours as text, a hint to choose the start or the end, or that there are none."""
    if quiet_begin_minute is not None and quiet_end_minute is not None:
        return _("{begin} to {end} ({zone})").format(
            begin=local_time.format_clock(quiet_begin_minute),
            end=local_time.format_clock(quiet_end_minute),
            zone=zone_name,
        )
    if quiet_begin_minute is not None:
        return _("Quiet from {time}. Choose an end time to save.").format(
            time=local_time.format_clock(quiet_begin_minute)
        )
    if quiet_end_minute is not None:
        return _("Quiet until {time}. Choose a start time to save.").format(
            time=local_time.format_clock(quiet_end_minute)
        )
    return _("No quiet hours")


class StoryLimitsPanel(ChannelPanel):
    """Panel for a channel's story limits (minimum of outlets, maximum of stories a day) and its muted stories.

    Posts that wait for more outlets, or for the selection of the day's best stories, are held.
    """

    async def render(self, interaction: Interaction) -> None:
        store = self.store
        settings = await store.preferences.get_by_channel(self.channel.id)
        zone_name = (await store.preferences.get_by_server(self.channel.guild.id)).time_zone
        held_count = await store.held_posts.count(self.channel.id)
        followed_feeds = await store.subscriptions.list_with_feeds(self.channel.guild.id)
        followed_outlet_count = len(
            {fold(feed.outlet) for subscription, feed in followed_feeds if subscription.channel_id == self.channel.id}
        )
        texts = self._build_texts(settings, zone_name, outlet_count=followed_outlet_count, held_count=held_count)
        spaced_blocks = [block for text in texts for block in (blocks.text_block(text), Separator())]
        menu_rows = [_build_limit_blocks(self, setting, settings)[1] for setting in _STORY_LIMITS]
        muted_stories = await store.muted_stories.list_by_channel(self.channel.id)
        await self.display_card(
            interaction, *spaced_blocks, *menu_rows, *build_mute_list(self, muted_stories, names_user=True)
        )

    def _build_texts(
        self, settings: ChannelSettings, zone_name: str, *, outlet_count: int, held_count: int
    ) -> Iterator[str]:
        heading = _("Stories in {channel}").format(channel=self.channel.mention)
        explanation = _(
            "A story waits up to three days for enough outlets to report it. The best of the day are "
            "posted one at a time between {begin} and {end} ({zone})."
        ).format(
            begin=local_time.format_clock(local_time.WAKING_START_MINUTE),
            end=local_time.format_clock(local_time.WAKING_END_MINUTE),
            zone=zone_name,
        )
        yield f"### {heading}\n{explanation}"
        yield "\n".join(
            f"**{_(SETTING_WORDS[setting].name)}** · {SETTING_WORDS[setting].describe(settings[setting])}"
            for setting in _STORY_LIMITS
        )
        min_outlets = settings[MIN_OUTLETS]
        if min_outlets is not None and outlet_count < min_outlets:
            yield "🟠 " + format_count(
                "This channel follows {count} outlet, so no story can reach {least}.",
                "This channel follows {count} outlets, so no story can reach {least}.",
                outlet_count,
                least=format_number(min_outlets),
            )
        if held_count:
            yield "-# " + format_count("{count} story is waiting.", "{count} stories are waiting.", held_count)


def story_limits_text(settings: ChannelSettings) -> str:
    """Return the limits on the stories of a channel as one line, or "" if there are none."""
    limits_text = ", ".join(
        SETTING_WORDS[setting].describe(settings[setting]) for setting in _STORY_LIMITS if settings[setting]
    )
    return _("Stories: {rules}").format(rules=limits_text) if limits_text else ""
