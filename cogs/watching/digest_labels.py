"""Schedule and options of digests: their menus, and their text in panels and in the settings history."""

from collections.abc import Callable

from babel.dates import get_day_names

from bot.core import i18n, local_time
from bot.core.i18n import _
from bot.core.preferences import DigestPlan
from bot.posting.rendering.layout.blocks import ActionRow
from cogs.shared.panels import build_setting_options, parse_selected_number
from cogs.shared.views import Interaction, StringMenu

DEFAULT_MINUTE = 8 * 60
"""Minute of the day at which digests are sent unless another is chosen."""
_MINUTES_PER_HOUR = 60


def schedule_text(plan: DigestPlan) -> str:
    """Return the schedule of a digest in the current language, for use within a sentence."""
    if plan.weekday is None:
        return _("every day at {time}").format(time=local_time.format_clock(plan.minute))
    return _("every {weekday} at {time}").format(
        weekday=_get_weekday_name(plan.weekday), time=local_time.format_clock(plan.minute)
    )


def schedule_menus(plan: DigestPlan, change_plan: Callable[..., None]) -> tuple[ActionRow, ActionRow]:
    """Return the menus for the day and the hour of a digest.

    They pass the new `weekday` (None: every day) or `minute` of the day to `change_plan`, by name.
    """

    async def select_day(_interaction: Interaction, selected_values: list[str]) -> None:
        change_plan(weekday=parse_selected_number(selected_values))

    async def select_hour(_interaction: Interaction, selected_values: list[str]) -> None:
        change_plan(minute=int(selected_values[0]))

    day_options = build_setting_options(plan.weekday, range(7), weekly_label, _("Every day"))
    _unset_option, *hour_options = build_setting_options(
        plan.minute, range(0, local_time.MINUTES_PER_DAY, _MINUTES_PER_HOUR), _format_time_label, ""
    )
    return (
        ActionRow(StringMenu(select_day, placeholder=_("How often…"), options=day_options)),
        ActionRow(StringMenu(select_hour, placeholder=_("What time…"), options=hour_options)),
    )


def _format_time_label(minute_of_day: int) -> str:
    return _("At {time}").format(time=local_time.format_clock(minute_of_day))


def weekly_label(weekday: int) -> str:
    """Return the label of a weekly digest; `weekday` is from 0 for Monday to 6."""
    return _("Every {weekday}").format(weekday=_get_weekday_name(weekday))


def _get_weekday_name(weekday: int) -> str:
    return str(get_day_names("wide", locale=i18n.current_language())[weekday])


def option_lines(plan: DigestPlan) -> list[str]:
    """Return the options of a digest as text, one line each."""
    return [
        _("Digest only, no individual posts.") if plan.is_digest_only else _("Articles are still posted one by one."),
        *([_("Also covers other channels that everybody here can see.")] if plan.includes_other_channels else []),
        *([_("With a trend chart.")] if plan.has_chart else []),
        *([_("With summaries written by a language model.")] if plan.has_summaries else []),
    ]


def stored_plan_text(stored_plan: str) -> str:
    """Return the text, for people, of a digest plan as the settings history stores it.

    Raises ValueError for any other text.
    """
    plan = DigestPlan.parse(stored_plan)
    is_chosen_by_option_label = {
        _("digest only"): plan.is_digest_only,
        _("other channels too"): plan.includes_other_channels,
        _("trend chart"): plan.has_chart,
        _("summaries"): plan.has_summaries,
    }
    return ", ".join(
        (
            schedule_text(plan),
            *(option_label for option_label, is_chosen in is_chosen_by_option_label.items() if is_chosen),
        )
    )
